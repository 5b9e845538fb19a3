#include "runtime/common/assert.h"

#include <cstdio>
#include <cstdlib>

namespace orrery {

void AssertionFailed(const char* condition, const char* file, int line, const char* detail) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s %s\n", file, line, condition, detail);
  std::fflush(stderr);
  std::abort();
}

}  // namespace orrery
