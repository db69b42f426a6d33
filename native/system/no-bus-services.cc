// Parts of libsystemd that no call of ours reaches, and 90 KB of the executable: the event loop
// that a bus can be attached to (bus.cc waits by itself), the objects that a program offers on a
// bus (sd-bus answers a call of one as unknown), and the buses of containers. The names of the
// latter two are not public: if libsystemd changes them, the link fails for a symbol that is
// defined twice, or the executable is larger.

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <cerrno>

extern "C" {

int sd_event_default(sd_event** /*event*/) { return -EOPNOTSUPP; }
int sd_event_exit(sd_event* /*event*/, int /*code*/) { return -EOPNOTSUPP; }
int sd_event_get_tid(sd_event* /*event*/, pid_t* /*tid*/) { return -EOPNOTSUPP; }
sd_event* sd_event_ref(sd_event* event) { return event; }
sd_event* sd_event_unref(sd_event* /*event*/) { return nullptr; }

int sd_event_add_exit(sd_event* /*event*/, sd_event_source** /*source*/,
                      sd_event_handler_t /*handler*/, void* /*data*/) {
  return -EOPNOTSUPP;
}
int sd_event_add_io(sd_event* /*event*/, sd_event_source** /*source*/, int /*fd*/,
                    uint32_t /*events*/, sd_event_io_handler_t /*handler*/, void* /*data*/) {
  return -EOPNOTSUPP;
}
int sd_event_add_time(sd_event* /*event*/, sd_event_source** /*source*/, clockid_t /*clock*/,
                      uint64_t /*time*/, uint64_t /*accuracy*/, sd_event_time_handler_t /*handler*/,
                      void* /*data*/) {
  return -EOPNOTSUPP;
}

sd_event_source* sd_event_source_disable_unref(sd_event_source* /*source*/) { return nullptr; }
int sd_event_source_set_description(sd_event_source* /*source*/, const char* /*text*/) {
  return -EOPNOTSUPP;
}
int sd_event_source_set_enabled(sd_event_source* /*source*/, int /*enabled*/) {
  return -EOPNOTSUPP;
}
int sd_event_source_set_io_events(sd_event_source* /*source*/, uint32_t /*events*/) {
  return -EOPNOTSUPP;
}
int sd_event_source_set_io_fd(sd_event_source* /*source*/, int /*fd*/) { return -EOPNOTSUPP; }
int sd_event_source_set_prepare(sd_event_source* /*source*/, sd_event_handler_t /*handler*/) {
  return -EOPNOTSUPP;
}
int sd_event_source_set_priority(sd_event_source* /*source*/, int64_t /*priority*/) {
  return -EOPNOTSUPP;
}
int sd_event_source_set_time(sd_event_source* /*source*/, uint64_t /*time*/) { return -EOPNOTSUPP; }

// libsystemd's own: bus-objects.h, bus-container.h.
int bus_process_object(sd_bus* /*bus*/, sd_bus_message* /*message*/) { return 0; }
void bus_node_gc(sd_bus* /*bus*/, void* /*node*/) {}
bool bus_vtable_has_names(const sd_bus_vtable* /*table*/) { return false; }
const sd_bus_vtable* bus_vtable_next(const sd_bus_vtable* /*table*/,
                                     const sd_bus_vtable* /*entry*/) {
  return nullptr;
}
int bus_container_connect_socket(sd_bus* /*bus*/) { return -EOPNOTSUPP; }

}  // extern "C"
