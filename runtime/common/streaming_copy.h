// Copies of large values into shared memory.
#pragma once

#include <cstddef>

namespace orrery {

// From this many bytes on, a copy goes around the caches.
inline constexpr size_t kStreamingFrom = size_t{64} << 10;

// Copies `size` bytes as memcpy does (the ranges must not overlap). A large copy is written around the caches, with
// non-temporal stores: it need not read the lines that it overwrites, and does not push out what the caller works with.
// Written and read again by another process, a value costs the same or less (figures in ARCHITECTURE.md). Visible to
// whoever is told of it after the return, as memcpy's bytes are. Plain memcpy where the processor is no x86-64.
void StreamingCopy(void* to, const void* from, size_t size);

}  // namespace orrery
