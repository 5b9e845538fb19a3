// Where the last exception was thrown. A task's exception is caught far from its origin, when the stack is gone; so the
// library stands in front of the C++ runtime's __cxa_throw and notes the frames first, on threads that ask for it.
#pragma once

#include <string>

namespace orrery::internal {

// For the calling thread.
void CaptureThrownStacks(bool on);

// Frames of the last throw on this thread, "  #0 function at module+0x12ab" a line; empty when none was noted.
std::string FormatThrownStack();

}  // namespace orrery::internal
