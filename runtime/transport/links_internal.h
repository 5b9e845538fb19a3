// All connections of a process: whom they lead to, how they are made, proven, used and lost.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/messages/message.h"
#include "runtime/transport/connection_internal.h"
#include "runtime/transport/live_options.h"
#include "runtime/transport/timer_wheel.h"

namespace orrery {

// What Links needs of the process around it.
class LinkObserver {
 public:
  virtual ~LinkObserver() = default;
  virtual void OnLinkMessage(const Address& from, Message message) = 0;
  virtual void OnLinkLost(const Address& peer) = 0;
  virtual Time LinkNow() const = 0;
  virtual void ArmLinkTimer(const TimerKey& key, Duration delay) = 0;
  virtual void CancelLinkTimer(const TimerKey& key) = 0;
};

// Kinds of TimerKey that belong to Links; TimerKind of state machines is far below.
enum LinkTimer : uint8_t { kHandshakeTimer = 0xf0, kStuckTimer = 0xf1, kAcceptTimer = 0xf2 };

// Single-threaded: every call holds the drive token. Observer calls are made from handlers and from DispatchLost only,
// never from within Send.
class Links {
 public:
  Links(asio::io_context& context, const LiveOptions& options, LinkObserver& observer);
  ~Links();
  // Binds both listeners; afterwards address() is known.
  Status Listen();
  const Address& address() const { return self_; }

  void Send(const Address& to, const Message& message);
  // Sends what waits, to every peer that takes it.
  void Flush();
  bool HasUnflushed() const { return !dirty_.empty(); }
  size_t unflushed_bytes() const { return unflushed_bytes_; }
  // Reads from the connections that had traffic last, either way, without asking the reactor; in even rounds from the
  // very last one only. True when bytes came.
  bool ProbeHot(int round);
  // Tells the observer of lost peers; true when there were any.
  bool DispatchLost();
  void OnTimer(const TimerKey& key);
  // Frees closed connections that no handler refers to; not to be called from within a handler.
  void Sweep();
  // Blocks until the peers have taken all output, or `limit` has passed; then closes everything.
  void Close(Duration limit);

  Status LastError(const Address& peer) const;
  void AddStats(LiveStats& stats) const;

 private:
  Connection* Add(int fd, bool dialled, bool tcp, Connection::State state);
  Connection* Route(const Address& to);
  Connection* Dial(const Address& to);
  bool SameMachine(uint32_t ip) const;
  void AwaitConnected(Connection& connection);
  void BeginHandshake(Connection& connection);
  void ArmAccept(Descriptor& listener, bool tcp);
  void AcceptAll(Descriptor& listener, bool tcp);
  void ArmRead(Connection& connection);
  void ArmWrite(Connection& connection);
  void FlushOne(Connection& connection);
  bool ReadOnce(Connection& connection);
  void Heat(Connection& connection);
  void ProcessInput(Connection& connection);
  bool AdvanceHandshake(Connection& connection);
  void FinishHandshake(Connection& connection);
  bool DeliverFrame(Connection& connection, const Frame& frame);
  void WatchOutput(Connection& connection);
  void Doom(Connection& connection, Status why);
  void Lose(Connection& connection, Status why);
  void CloseOne(Connection& connection);
  void Report(const Address& peer, const Status& why);

  asio::io_context& context_;
  const LiveOptions& options_;
  LinkObserver& observer_;
  Address self_;
  std::string unix_path_;
  Descriptor tcp_listener_, unix_listener_;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;  // by serial
  std::vector<std::unique_ptr<Connection>> closed_;              // until no handler refers to them
  Lookup<Address, Connection*, AddressHash> routes_;             // by the address given to Send
  Lookup<Address, std::vector<Connection*>, AddressHash> by_peer_;  // open ones, by the peer's full address
  // Where an answer may be next, last used first. Who works for a client speaks with some others meanwhile.
  std::array<Connection*, 3> hot_{};
  Connection* last_route_ = nullptr;  // cache of the last look-up
  Address last_to_;
  std::vector<Connection*> dirty_;
  size_t unflushed_bytes_ = 0;
  std::vector<uint64_t> doomed_;  // serials
  std::deque<Address> lost_;
  std::deque<std::pair<Address, Status>> errors_;
  uint64_t next_serial_ = 1;
  size_t unauthenticated_ = 0;
  bool closing_ = false;
  LiveStats totals_;  // of closed connections, and counters of our own
};

}  // namespace orrery
