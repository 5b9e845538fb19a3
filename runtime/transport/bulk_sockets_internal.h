// The three kinds of connections that the bulk thread serves. On a bulk connection the dialler asks for ranges of the
// listener's arena, 16 bytes {offset, size} each, any number ahead; the listener answers in order, 16 bytes
// {StatusCode, size} and then the bytes, from shared memory straight into the socket, and from there straight into the
// dialler's shared memory.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "runtime/common/time.h"
#include "runtime/env/address.h"
#include "runtime/transport/arena_map.h"
#include "runtime/transport/proven_socket_internal.h"

namespace orrery {

inline constexpr size_t kBulkHeaderBytes = 16;

// One connection in the loop's poll().
class BulkSocket {
 public:
  BulkSocket(int fd, bool connecting, Handshake handshake, Time deadline)
      : socket_(fd, connecting, std::move(handshake)), deadline_(deadline) {}
  virtual ~BulkSocket() = default;
  int fd() const { return socket_.fd(); }
  short events() const { return socket_.done() ? WantedEvents() : socket_.events(); }
  // Something may be possible now. An error (kOk is none) ends the connection.
  Status OnReady(Time now);
  // Past this moment the connection is given up: the handshake, or an answer, takes too long.
  Time deadline() const { return deadline_; }
  bool proven() const { return socket_.done(); }
  virtual void OnClosed(const Status& why) { (void)why; }

 protected:
  virtual short WantedEvents() const = 0;
  // The handshake is done.
  virtual Status Serve(Time now) = 0;

  ProvenSocket socket_;
  Time deadline_;
};

// Serves ranges of the arena to another node manager.
class BulkSender final : public BulkSocket {
 public:
  BulkSender(int fd, Handshake handshake, Time deadline, const ArenaMap& arena)
      : BulkSocket(fd, false, std::move(handshake), deadline), arena_(arena) {}

 private:
  short WantedEvents() const override;
  Status Serve(Time now) override;
  void TakeRequest();
  Status SendSome();

  const ArenaMap& arena_;
  std::array<char, kBulkHeaderBytes> header_{};
  size_t header_left_ = 0;  // of the present answer
  int64_t offset_ = 0, left_ = 0;
};

// Bytes that are wanted from another node's arena.
struct BulkFetch {
  uint64_t request = 0;
  Address memory;
  int64_t remote_offset = 0;
  int64_t offset = 0;  // in our arena
  int64_t size = 0;
};
// The end of a fetch; called on the bulk thread.
using BulkDone = std::function<void(uint64_t request, const Status& status)>;

// Fetches ranges from one other node manager.
class BulkFetcher final : public BulkSocket {
 public:
  struct Limits {
    Duration stall;  // without a byte, while some are expected
    Duration idle;   // then the connection is closed
  };
  BulkFetcher(int fd, Handshake handshake, Time now, Limits limits, const BulkDone& done)
      : BulkSocket(fd, true, std::move(handshake), now + limits.stall), limits_(limits), done_(done) {}
  // `to`: where the bytes go.
  void Add(const BulkFetch& fetch, char* to, Time now);
  int64_t outstanding() const { return outstanding_; }
  void OnClosed(const Status& why) override;

 private:
  struct Entry {
    uint64_t request;
    char* to;
    int64_t size;
  };
  short WantedEvents() const override;
  Status Serve(Time now) override;
  Status SendRequests();
  Status Receive(bool* any);
  Status OnHeader();
  void SetLowWater();

  const Limits limits_;
  const BulkDone& done_;
  std::deque<Entry> queue_;
  std::string requests_;       // not sent yet
  int64_t outstanding_ = 0;    // bytes of the queue
  int low_water_ = 1;          // poll() wakes for so many bytes
  std::array<char, kBulkHeaderBytes> header_{};
  size_t header_got_ = 0;
  int64_t got_ = 0;            // of the first entry
};

// Hands the arena's descriptor to a client of this node.
class ArenaDoor final : public BulkSocket {
 public:
  ArenaDoor(int fd, Handshake handshake, Time deadline, const ArenaMap& arena)
      : BulkSocket(fd, false, std::move(handshake), deadline), arena_(arena) {}

 private:
  short WantedEvents() const override;
  Status Serve(Time now) override;
  const ArenaMap& arena_;
  bool sent_ = false;
};

}  // namespace orrery
