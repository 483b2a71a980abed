#include <lz4.h>
#include <malloc.h>
