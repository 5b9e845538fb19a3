// Inside LiveEnv: the loop that feeds one state machine from sockets, timers and threads.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/transport/drive_token_internal.h"
#include "runtime/transport/links_internal.h"
#include "runtime/transport/live_env.h"
#include "runtime/transport/reactor_internal.h"
#include "runtime/transport/timer_wheel.h"

namespace orrery {

class LiveEnv::Impl final : public LinkObserver {
 public:
  explicit Impl(LiveOptions chosen);
  ~Impl() override;
  Status Listen() { return links_.Listen(); }

  void Send(const Address& to, Message message);
  void Post(const Address& from, Message message, std::function<void()> call);
  void PostQuietly(const Address& from, Message message, std::function<void()> call);
  bool RunOne(Duration max_wait);
  bool DeliverLocal();
  void Run();
  void Release(bool flush);
  bool Await(Waiter& waiter, Duration timeout);
  void Complete(Waiter& waiter);
  void Stop();
  void StartBackground() { token_.StartBackground(options.takeover_delay); }
  LiveStats stats() const;

  // For the process launcher: calls `ready` (holding the token) when `fd` becomes readable, once. Closes nothing.
  void WatchReadable(int fd, std::function<void()> ready);
  // Before `fd` is closed without having become readable.
  void Unwatch(int fd);
  // For the process launcher: one timer of its own; re-arms.
  void CallLater(uint64_t id, Duration delay, std::function<void()> call);
  void CancelCall(uint64_t id) { calls_.erase(id); }

  void CatchSignals(const std::vector<int>& signals, std::function<void(int)> handler);

  // LinkObserver
  void OnLinkMessage(const Address& from, Message message) override { machine->OnMessage(from, std::move(message)); }
  void OnLinkLost(const Address& peer) override { machine->OnPeerLost(peer); }
  Time LinkNow() const override { return SteadyNow(); }
  void ArmLinkTimer(const TimerKey& key, Duration delay) override { wheel.Arm(key, SteadyNow() + delay); }
  void CancelLinkTimer(const TimerKey& key) override { wheel.Cancel(key); }

  LiveOptions options;
  StateMachine* machine = nullptr;
  TraceSink* sink = nullptr;
  std::array<LocalEndpoint*, 16> endpoints{};
  std::vector<Random> streams;
  TimerWheel wheel;

 private:
  friend class LiveEnv;
  static constexpr uint8_t kCallTimer = 0xf8;
  // From a thread of this process to the state machine.
  struct Posted {
    Address from;
    Message message;
    std::unique_ptr<std::function<void()>> call;
  };
  // From the state machine to an endpoint of this process, or to itself.
  struct Local {
    Address to;
    Message message;
  };

  void StartMachine();
  bool Drain();
  bool DrainPosted();
  bool DrainLocal();
  bool FireTimers(Time now);
  bool PollSockets(Duration max_wait);
  bool Spin();
  void FlushIfDue(Time now);
  void BackgroundTurn();
  void ReadSignals();

  Reactor reactor_;
  DriveToken token_;
  Links links_;
  std::atomic<bool> stopped_{false};
  bool started_ = false;

  std::mutex post_mutex_;
  std::vector<Posted> posted_;          // under post_mutex_
  std::atomic<bool> has_posted_{false};
  std::atomic<uint64_t> posts_{0};
  std::vector<Posted> batch_;           // being delivered
  std::deque<Local> local_;
  std::map<uint64_t, std::function<void()>> calls_;
  std::map<int, std::unique_ptr<Descriptor>> watched_;
  int signal_fd_ = -1;
  std::function<void(int)> on_signal_;

  Time unflushed_since_{};
  int turns_without_poll_ = 0;
  bool traffic_ = false;                // since the last sleep
  uint32_t spin_history_ = 0xffffffff;  // one bit per spin: did it find something?
  uint32_t skipped_spins_ = 0;
  uint64_t spins_ = 0, spin_hits_ = 0;
};

}  // namespace orrery
