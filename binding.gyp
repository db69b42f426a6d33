{
  # The native build is CMake's, through cmake-js. This file is for tools that
  # know node-gyp only: it runs the same build. Its output is never made, so
  # that CMake decides what is to be done; it goes to native/build, because
  # node-gyp cleans build/.
  'targets': [
    {
      'target_name': 'tsrun',
      'type': 'none',
      'actions': [
        {
          'action_name': 'cmake-js',
          'inputs': ['CMakeLists.txt'],
          'outputs': ['<(PRODUCT_DIR)/always'],
          'action': ['npm', 'run', 'build:native'],
        },
      ],
    },
  ],
}
