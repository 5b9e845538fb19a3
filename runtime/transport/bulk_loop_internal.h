// The thread that moves object bytes between nodes and lets clients into the object memory. A thread of its own, with
// sockets of its own, so that bulk data never stands before a control message.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/transport/bulk_sockets_internal.h"

namespace orrery {

struct BulkOptions {
  Address node_manager;  // whom clients of the door expect
  std::string socket_dir{};  // of the door; "": none
  std::string token{};
  Duration handshake_timeout = Duration::Seconds(5);
  Duration stall_timeout = Duration::Seconds(10);
  Duration idle_timeout = Duration::Seconds(60);
  Duration tcp_user_timeout = Duration::Seconds(30);
  size_t max_unauthenticated = 256;
};

class BulkLoop {
 public:
  // Listens at the node manager's ip, on a port of its own. `done` is called on the loop's thread.
  static Result<std::unique_ptr<BulkLoop>> Start(BulkOptions options, std::shared_ptr<ArenaMap> arena, BulkDone done);
  // Ends the thread; fetches that are under way are not answered any more.
  ~BulkLoop();
  // Where other nodes fetch from.
  Address memory() const { return memory_; }
  // Any thread. Always answered by `done`.
  void Fetch(const BulkFetch& fetch);

 private:
  BulkLoop(BulkOptions options, std::shared_ptr<ArenaMap> arena, BulkDone done);
  Status Listen();
  void Run();
  void Turn();
  void Accept(int listener, bool door);
  void TakeFetches(Time now);
  Result<BulkFetcher*> FetcherFor(const Address& memory, Time now);
  void Close(size_t index, const Status& why);
  Handshake NewHandshake(Handshake::Side side, const Address& self, const Address& expected) const;

  const BulkOptions options_;
  const std::shared_ptr<ArenaMap> arena_;
  const BulkDone done_;
  std::string door_path_;
  Address memory_;
  int listener_ = -1, door_ = -1, wakeup_ = -1;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::vector<BulkFetch> wanted_;  // under mutex_
  // Of the thread alone:
  std::vector<std::unique_ptr<BulkSocket>> sockets_;
  std::map<Address, std::vector<BulkFetcher*>> fetchers_;
  std::thread thread_;
};

}  // namespace orrery
