// The digest of a run: a rolling hash of every event, kept at intervals so that two runs can be compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/common/random.h"
#include "runtime/env/trace.h"

namespace orrery {

// Folded 64 x 64 → 128 bit products (as in Wang Yi's wyhash). Depends on the order of Add calls and on every bit; the
// seed goes in first. Equal on every platform. Not cryptographic.
class Digest {
 public:
  // `checkpoint_log2`: a checkpoint every 2^this events, at most 32.
  explicit Digest(uint64_t seed = 0, uint32_t checkpoint_log2 = 16)
      : hash_(Fold(seed ^ kA, kB)), mask_((uint64_t{1} << checkpoint_log2) - 1) {}

  // One event: its time and up to three words that identify it.
  void AddEvent(int64_t time, uint64_t a, uint64_t b, uint64_t c) {
    hash_ = Fold(hash_ ^ static_cast<uint64_t>(time) ^ kA, a ^ kB) ^ Fold(hash_ + b + kC, c ^ kD);
    if ((++events_ & mask_) == 0) checkpoints_.push_back(hash_);
  }
  void AddTrace(int64_t time, uint64_t process, const TraceEvent& event) {
    hash_ = Fold(hash_ ^ static_cast<uint64_t>(time), process ^ kC);
    hash_ = Fold(hash_ ^ event.task.owner.value, event.task.index ^ kA);
    hash_ = Fold(hash_ ^ static_cast<uint64_t>(event.kind) << 32 ^ event.attempt, event.node.value ^ kB);
    hash_ = Fold(hash_ ^ event.worker.value, static_cast<uint64_t>(event.a) ^ kC);
    hash_ = Fold(hash_ ^ static_cast<uint64_t>(event.b), static_cast<uint64_t>(event.c) ^ kD);
    if (!event.text.empty()) hash_ = Fold(hash_ ^ HashName(event.text), kA);
  }

  uint64_t value() const { return hash_; }
  uint64_t events() const { return events_; }
  uint64_t checkpoint_interval() const { return mask_ + 1; }
  // The value after each checkpoint_interval() events.
  const std::vector<uint64_t>& checkpoints() const { return checkpoints_; }

  // Two runs' first difference lies in events [n * interval, (n + 1) * interval), n being the result; -1 when the
  // common checkpoints are equal. The intervals must be equal.
  static int64_t FirstDifferentCheckpoint(const Digest& a, const Digest& b) {
    const size_t common = a.checkpoints_.size() < b.checkpoints_.size() ? a.checkpoints_.size() : b.checkpoints_.size();
    for (size_t i = 0; i < common; ++i) {
      if (a.checkpoints_[i] != b.checkpoints_[i]) return static_cast<int64_t>(i);
    }
    return -1;
  }

 private:
  static constexpr uint64_t kA = 0xa0761d6478bd642fULL, kB = 0xe7037ed1a0b428dbULL;
  static constexpr uint64_t kC = 0x8ebc6af09c88c6e3ULL, kD = 0x589965cc75374cc3ULL;
  static uint64_t Fold(uint64_t x, uint64_t y) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(x) * y;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  uint64_t hash_;
  uint64_t mask_;
  uint64_t events_ = 0;
  std::vector<uint64_t> checkpoints_;
};

}  // namespace orrery
