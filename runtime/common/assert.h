// Assertions that stay on in release builds: an internal contradiction must stop the process, not spread.
#pragma once

namespace orrery {

// Prints the condition, its place and `detail` to stderr, then aborts.
[[noreturn]] void AssertionFailed(const char* condition, const char* file, int line, const char* detail);

}  // namespace orrery

#define ORRERY_ASSERT(condition) ((condition) ? (void)0 : ::orrery::AssertionFailed(#condition, __FILE__, __LINE__, ""))
#define ORRERY_ASSERT_MSG(condition, detail) \
  ((condition) ? (void)0 : ::orrery::AssertionFailed(#condition, __FILE__, __LINE__, detail))
