#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/transport/arena_door.h"
#include "runtime/transport/bulk_loop_internal.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/quiet_thread.h"
#include "runtime/transport/reactor_internal.h"
#include "runtime/transport/socket_internal.h"

namespace orrery {

namespace {

constexpr size_t kStreamsPerPeer = 1;
// Where cores are short, control messages go first.
constexpr int kNice = 5;

void Wake(int eventfd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(eventfd, &one, sizeof one);
}

}  // namespace

BulkLoop::BulkLoop(BulkOptions options, std::shared_ptr<ArenaMap> arena, BulkDone done)
    : options_(std::move(options)), arena_(std::move(arena)), done_(std::move(done)) {}

Result<std::unique_ptr<BulkLoop>> BulkLoop::Start(BulkOptions options, std::shared_ptr<ArenaMap> arena, BulkDone done) {
  std::unique_ptr<BulkLoop> loop(new BulkLoop(std::move(options), std::move(arena), std::move(done)));
  if (Status status = loop->Listen(); !status.ok()) return status;
  loop->thread_ = QuietThread([raw = loop.get()] { raw->Run(); });
  return loop;
}

Status BulkLoop::Listen() {
  wakeup_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wakeup_ < 0) return {StatusCode::kUnavailable, "cannot make an eventfd"};
  const uint32_t ip = IpOf(options_.node_manager);
  Result<int> listener = ListenTcp(ip, 0);
  if (!listener.ok()) return listener.status();
  listener_ = *listener;
  memory_ = MakeAddress(ip, LocalPort(listener_), options_.node_manager.incarnation);
  if (options_.socket_dir.empty()) return Status::Ok();
  const std::string path = ArenaDoorPath(options_.socket_dir, options_.node_manager);
  if (!FitsUnixPath(path)) return {StatusCode::kInvalidArgument, "too long for a UNIX socket: " + path};
  Result<int> door = ListenUnix(path);
  if (!door.ok()) return door.status();
  door_ = *door;
  door_path_ = path;
  return Status::Ok();
}

BulkLoop::~BulkLoop() {
  stop_.store(true);
  if (thread_.joinable()) {
    Wake(wakeup_);
    thread_.join();
  }
  if (!door_path_.empty()) unlink(door_path_.c_str());
  for (int fd : {listener_, door_, wakeup_}) {
    if (fd >= 0) close(fd);
  }
}

void BulkLoop::Fetch(const BulkFetch& fetch) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = wanted_.empty();
    wanted_.push_back(fetch);
  }
  if (first) Wake(wakeup_);
}

void BulkLoop::Run() {
  const auto self = static_cast<id_t>(gettid());
  setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + kNice);
  while (!stop_.load()) Turn();
}

void BulkLoop::Turn() {
  std::vector<pollfd> ready = {{wakeup_, POLLIN, 0}, {listener_, POLLIN, 0}, {door_, POLLIN, 0}};
  Time next{INT64_MAX};
  for (const auto& socket : sockets_) {
    ready.push_back({socket->fd(), socket->events(), 0});
    next = std::min(next, socket->deadline());
  }
  const int64_t wait = next.ns == INT64_MAX ? -1 : std::max<int64_t>(0, (next - SteadyNow()).ns / 1'000'000 + 1);
  poll(ready.data(), ready.size(), static_cast<int>(std::min<int64_t>(wait, 3'600'000)));
  const Time now = SteadyNow();
  // From the last one: closing moves only those behind.
  for (size_t i = ready.size() - 3; i-- > 0;) {
    Status status;
    if (ready[i + 3].revents != 0) status = sockets_[i]->OnReady(now);
    if (status.ok() && now >= sockets_[i]->deadline())
      status = {StatusCode::kTimedOut, "the bulk connection made no progress"};
    if (!status.ok()) Close(i, status);
  }
  if (ready[0].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = read(wakeup_, &count, sizeof count);
  }
  TakeFetches(now);
  if (ready[1].revents != 0) Accept(listener_, false);
  if (ready[2].revents != 0) Accept(door_, true);
}

void BulkLoop::Close(size_t index, const Status& why) {
  const std::unique_ptr<BulkSocket> socket = std::move(sockets_[index]);
  sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(index));
  for (auto it = fetchers_.begin(); it != fetchers_.end();) {
    std::erase(it->second, socket.get());
    it = it->second.empty() ? fetchers_.erase(it) : std::next(it);
  }
  socket->OnClosed(why);
}

Handshake BulkLoop::NewHandshake(Handshake::Side side, const Address& self, const Address& expected) const {
  return {side, {.self = self, .token = options_.token}, expected};
}

void BulkLoop::Accept(int listener, bool door) {
  const Time deadline = SteadyNow() + options_.handshake_timeout;
  for (int fd = AcceptOne(listener); fd >= 0; fd = AcceptOne(listener)) {
    const auto strangers = std::count_if(sockets_.begin(), sockets_.end(), [](const auto& s) { return !s->proven(); });
    if (static_cast<size_t>(strangers) >= options_.max_unauthenticated) {
      close(fd);
      continue;
    }
    if (door) {
      Handshake handshake = NewHandshake(Handshake::Side::kListener, options_.node_manager, {});
      sockets_.push_back(std::make_unique<ArenaDoor>(fd, std::move(handshake), deadline, *arena_));
    } else {
      TuneTcp(fd, options_.tcp_user_timeout);
      Handshake handshake = NewHandshake(Handshake::Side::kListener, memory_, {});
      sockets_.push_back(std::make_unique<BulkSender>(fd, std::move(handshake), deadline, *arena_));
    }
  }
}

void BulkLoop::TakeFetches(Time now) {
  std::vector<BulkFetch> wanted;
  {
    std::lock_guard lock(mutex_);
    wanted.swap(wanted_);
  }
  for (const BulkFetch& fetch : wanted) {
    Result<char*> to = arena_->Write(fetch.offset, fetch.size);
    Result<BulkFetcher*> fetcher = to.ok() ? FetcherFor(fetch.memory, now) : Result<BulkFetcher*>(to.status());
    if (!fetcher.ok()) {
      done_(fetch.request, fetcher.status());
      continue;
    }
    (*fetcher)->Add(fetch, *to, now);
  }
}

Result<BulkFetcher*> BulkLoop::FetcherFor(const Address& memory, Time now) {
  const auto known = fetchers_.find(memory);
  if (known != fetchers_.end()) {
    BulkFetcher* least = *std::min_element(known->second.begin(), known->second.end(),
                                           [](auto* a, auto* b) { return a->outstanding() < b->outstanding(); });
    if (least->outstanding() == 0 || known->second.size() >= kStreamsPerPeer) return least;
  }
  Result<Dialled> dialled = DialTcp(IpOf(memory), PortOf(memory));
  if (!dialled.ok()) return dialled.status();
  TuneTcp(dialled->fd, options_.tcp_user_timeout);
  auto fetcher =
      std::make_unique<BulkFetcher>(dialled->fd, NewHandshake(Handshake::Side::kDialler, memory_, memory), now,
                                    BulkFetcher::Limits{options_.stall_timeout, options_.idle_timeout}, done_);
  BulkFetcher* raw = fetcher.get();
  fetchers_[memory].push_back(raw);
  sockets_.push_back(std::move(fetcher));
  return raw;
}

}  // namespace orrery
