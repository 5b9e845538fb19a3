// A client and a server process that exchange PushTask and TaskReply, in two builds: raw (asio and Protobuf, nothing
// else: the ceiling) and through two LiveEnvs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

struct Load {
  uint64_t window = 1;      // requests in flight
  double seconds = 0.4;
};
struct Figures {
  double rate = 0;          // answered requests per second
  double p50_us = 0, p99_us = 0;  // of single requests; window 1 only
  double client_cpu_ns = 0;  // per request
};

// A running pair; the server is a forked child, ended by the destructor.
class Pair {
 public:
  virtual ~Pair() = default;
  virtual Figures Measure(const Load& load) = 0;
};
// `socket_dir`: for UNIX sockets; "": TCP.
std::unique_ptr<Pair> MakeRawPair(const std::string& socket_dir);
std::unique_ptr<Pair> MakeLivePair(const std::string& socket_dir);

// The same content for both.
void FillRequest(uint64_t index, msg::PushTask* push);
void FillReply(const msg::PushTask& push, msg::TaskReply* reply);

// Collects the times of a run: Begin, then Answer per reply until it returns false.
class Meter {
 public:
  explicit Meter(const Load& load);
  void Asked();
  bool Answered();  // false: the time is over
  Figures Finish();

 private:
  static int64_t Clock(int which);
  const Load load_;
  int64_t begin_, end_, cpu_begin_, asked_at_ = 0;
  uint64_t answered_ = 0;
  std::vector<uint32_t> samples_;  // ns
};

}  // namespace orrery
