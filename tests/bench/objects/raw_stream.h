// The ceiling of transfers: one TCP stream between two processes, from shared memory into shared memory, and nothing
// else.
#pragma once

#include <cstddef>

namespace orrery {

class RawStream {
 public:
  // Forks the sender, which has `largest` bytes to send, and connects to it.
  explicit RawStream(size_t largest);
  // Ends the sender.
  ~RawStream();
  RawStream(const RawStream&) = delete;
  RawStream& operator=(const RawStream&) = delete;
  // Asks for `size` bytes and receives them; seconds from the question to the last byte.
  double Fetch(size_t size);

 private:
  const size_t largest_;
  int socket_ = -1;
  int sender_ = 0;
  char* memory_ = nullptr;
};

}  // namespace orrery
