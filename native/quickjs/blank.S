# The arena of the first link, which makes the image.
#define TSRUN_BLANK
#include "image.S"
