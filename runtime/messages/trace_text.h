// Traced events as text: the names of kinds, and one JSON object per event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/env/timer.h"
#include "runtime/env/trace.h"

namespace orrery {

// "TaskSubmitted", "LeaseGranted" … and "HealthCheck", "LeaseExpiry" …: the enumerators without their k.
std::string_view TraceKindName(TraceKind kind);
std::string_view TimerKindName(TimerKind kind);

// Appends `text` as a JSON string, with quotes. Bytes that are not UTF-8 are written as U+FFFD.
void AppendJsonString(std::string& out, std::string_view text);

// Appends a traced event as one JSON object without newline: {"t":ns,"e":"trace","kind":…}; fields that are zero are
// left out. `process` is the world's number for the process that traced it; 0 is left out too.
void AppendTraceLine(std::string& out, int64_t now, uint32_t process, const TraceEvent& event);

}  // namespace orrery
