#include "runtime/transport/live_env.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/live_env_internal.h"

namespace orrery {

namespace {
constexpr Duration kCloseLimit = Duration::Millis(500);
constexpr int64_t kMaxDelay = int64_t{100} * 365 * 86'400 * 1'000'000'000;
}  // namespace

// ---- Impl ----

LiveEnv::Impl::Impl(LiveOptions chosen)
    : options(std::move(chosen)),
      wheel(SteadyNow()),
      token_([this] { reactor_.Wake(); }, [this] { BackgroundTurn(); }),
      links_(reactor_.context(), options, *this) {
  if (options.incarnation == 0) options.incarnation = EntropyU64();
  if (options.seed == 0) options.seed = EntropyU64();
  for (size_t i = 0; i < static_cast<size_t>(RandomStream::kCount); ++i) {
    streams.push_back(Random::Named(options.seed, options.role, std::to_string(i)));
  }
}

LiveEnv::Impl::~Impl() {
  Stop();
  token_.StopBackground();
  links_.Close(started_ ? kCloseLimit : Duration{});
  while (!watched_.empty()) Unwatch(watched_.begin()->first);
  if (signal_fd_ >= 0) close(signal_fd_);
}

void LiveEnv::Impl::Send(const Address& to, Message message) {
  if (to.local() || to.endpoint == links_.address().endpoint) {
    // A former incarnation at the own endpoint is gone for sure.
    const bool gone = !to.local() && to.incarnation != 0 && to != links_.address();
    if (gone) {
      Post(to, Message(), [this, to] { machine->OnPeerLost(to); });
    } else {
      local_.push_back({to, std::move(message)});
    }
    return;
  }
  links_.Send(to, message);
}

void LiveEnv::Impl::Post(const Address& from, Message message, std::function<void()> call) {
  PostQuietly(from, std::move(message), std::move(call));
  reactor_.Wake();
}

void LiveEnv::Impl::PostQuietly(const Address& from, Message message, std::function<void()> call) {
  Posted posted{from, std::move(message), nullptr};
  if (call) posted.call = std::make_unique<std::function<void()>>(std::move(call));
  {
    std::lock_guard lock(post_mutex_);
    posted_.push_back(std::move(posted));
    has_posted_.store(true);
  }
  posts_.fetch_add(1, std::memory_order_relaxed);
}

void LiveEnv::Impl::Stop() {
  stopped_.store(true);
  token_.Interrupt();
  reactor_.Wake();
}

void LiveEnv::Impl::Complete(Waiter& waiter) {
  waiter.done_.store(true);
  token_.NotifyFollowers();
}

LiveStats LiveEnv::Impl::stats() const {
  LiveStats stats;
  links_.AddStats(stats);
  stats.posts = posts_.load();
  stats.wakeups = reactor_.wakeups();
  stats.spins = spins_;
  stats.spin_hits = spin_hits_;
  return stats;
}

void LiveEnv::Impl::WatchReadable(int fd, std::function<void()> ready) {
  Descriptor& descriptor = *(watched_[fd] = std::make_unique<Descriptor>(reactor_.context(), fd));
  descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                        [this, fd, ready = std::move(ready)](const asio::error_code& error) {
                          if (error) return;
                          Unwatch(fd);
                          ready();
                        });
}

void LiveEnv::Impl::Unwatch(int fd) {
  auto node = watched_.extract(fd);
  if (!node.empty()) node.mapped()->release();  // the file descriptor itself stays the caller's
}

void LiveEnv::Impl::CatchSignals(const std::vector<int>& signals, std::function<void(int)> handler) {
  ORRERY_ASSERT_MSG(signal_fd_ < 0, "CatchSignals is called once");
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  ORRERY_ASSERT(signal_fd_ >= 0);
  on_signal_ = std::move(handler);
  ReadSignals();
}

void LiveEnv::Impl::ReadSignals() {
  signalfd_siginfo info;
  while (read(signal_fd_, &info, sizeof info) == sizeof info) on_signal_(static_cast<int>(info.ssi_signo));
  WatchReadable(signal_fd_, [this] { ReadSignals(); });
}

void LiveEnv::Impl::CallLater(uint64_t id, Duration delay, std::function<void()> call) {
  calls_[id] = std::move(call);
  wheel.Arm({kCallTimer, id}, SteadyNow() + delay);
}

// ---- LiveEnv ----

LiveEnv::LiveEnv(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LiveEnv::~LiveEnv() = default;

Result<std::unique_ptr<LiveEnv>> LiveEnv::Create(LiveOptions options) {
  if (options.max_frame > (size_t{1} << 30)) {
    return Status(StatusCode::kInvalidArgument, "max_frame above 1 GiB: Protobuf cannot encode it");
  }
  auto impl = std::make_unique<Impl>(std::move(options));
  Status status = impl->Listen();
  if (!status.ok()) return status;
  return std::unique_ptr<LiveEnv>(new LiveEnv(std::move(impl)));
}

void LiveEnv::SetStateMachine(StateMachine* machine) { impl_->machine = machine; }

void LiveEnv::SetLocalEndpoint(const Address& address, LocalEndpoint* endpoint) {
  ORRERY_ASSERT(address.local() && address.endpoint != 0);
  impl_->endpoints[address.endpoint] = endpoint;
}

void LiveEnv::CatchSignals(const std::vector<int>& signals, std::function<void(int)> handler) {
  impl_->CatchSignals(signals, std::move(handler));
}

void LiveEnv::SetTraceSink(TraceSink* sink) { impl_->sink = sink; }

Time LiveEnv::Now() const { return SteadyNow(); }
void LiveEnv::Send(const Address& to, Message message) { impl_->Send(to, std::move(message)); }

void LiveEnv::SetTimer(Duration delay, TimerKind kind, uint64_t id) {
  impl_->wheel.Arm({static_cast<uint8_t>(kind), id},
                   SteadyNow() + Duration{std::clamp<int64_t>(delay.ns, 0, kMaxDelay)});
}

void LiveEnv::CancelTimer(TimerKind kind, uint64_t id) { impl_->wheel.Cancel({static_cast<uint8_t>(kind), id}); }

Random& LiveEnv::RandomFor(RandomStream stream) { return impl_->streams[static_cast<size_t>(stream)]; }

void LiveEnv::Trace(const TraceEvent& event) {
  if (impl_->sink != nullptr) impl_->sink->OnTrace(SteadyNow(), event);
}

void LiveEnv::Post(const Address& from, Message message) { impl_->Post(from, std::move(message), nullptr); }
void LiveEnv::PostQuietly(const Address& from, Message message) {
  impl_->PostQuietly(from, std::move(message), nullptr);
}
void LiveEnv::PostCall(std::function<void()> call) { impl_->Post({}, Message(), std::move(call)); }
Address LiveEnv::address() const { return impl_->links_.address(); }
void LiveEnv::Stop() { impl_->Stop(); }
bool LiveEnv::stopped() const { return impl_->stopped_.load(); }
bool LiveEnv::TryAcquire() { return impl_->token_.TryAcquire(); }
void LiveEnv::Acquire() { impl_->token_.Acquire(); }
void LiveEnv::Release(bool flush) { impl_->Release(flush); }
bool LiveEnv::RunOne(Duration max_wait) { return impl_->RunOne(max_wait); }
bool LiveEnv::DeliverLocal() { return impl_->DeliverLocal(); }
void LiveEnv::Run() { impl_->Run(); }
void LiveEnv::StartBackgroundThread() { impl_->StartBackground(); }
void LiveEnv::StopBackgroundThread() { impl_->token_.StopBackground(); }
bool LiveEnv::Await(Waiter& waiter, Duration timeout) { return impl_->Await(waiter, timeout); }
void LiveEnv::Complete(Waiter& waiter) { impl_->Complete(waiter); }
Status LiveEnv::LastError(const Address& peer) const { return impl_->links_.LastError(peer); }
LiveStats LiveEnv::stats() const { return impl_->stats(); }
const LiveOptions& LiveEnv::options() const { return impl_->options; }

}  // namespace orrery
