#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/transport/arena_door.h"
#include "runtime/transport/bulk_sockets_internal.h"
#include "runtime/transport/socket_internal.h"

namespace orrery {

namespace {

// Pieces of exactly 64 KiB are slow on Linux' loopback; 128 KiB and more are not.
constexpr int64_t kPiece = int64_t{256} << 10;
// What one connection may move before the others are looked at.
// More than a socket's buffers hold: where sender and
// receiver share a core, one fills them and the other empties them, rather than taking turns at every piece.
constexpr int64_t kTurn = int64_t{8} << 20;
// The receiver sleeps until so much is there; the kernel makes its buffers large enough for that.
constexpr int64_t kLowWater = int64_t{1} << 20;
constexpr size_t kRequestsAhead = size_t{64} << 10;

void PutPair(uint64_t first, uint64_t second, char* out) {
  std::memcpy(out, &first, sizeof first);
  std::memcpy(out + sizeof first, &second, sizeof second);
}
uint64_t GetNumber(const char* from) {
  uint64_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }
Status Broken() { return ErrnoStatus("the bulk connection broke", errno); }

}  // namespace

Status BulkSocket::OnReady(Time now) {
  if (!socket_.done()) {
    if (Status status = socket_.Advance(); !status.ok() || !socket_.done()) return status;
    deadline_ = Time{INT64_MAX};
  }
  return Serve(now);
}

// ---- BulkSender ----

short BulkSender::WantedEvents() const {
  const size_t ahead = socket_.reader().buffered();
  const bool more = header_left_ > 0 || left_ > 0 || ahead >= kBulkHeaderBytes;
  // A dialler that asks on and on without reading must wait.
  return static_cast<short>((ahead < kRequestsAhead ? POLLIN : 0) | (more ? POLLOUT : 0));
}

Status BulkSender::Serve(Time) {
  Status status;
  if (socket_.reader().buffered() < kRequestsAhead) socket_.Fill(&status);
  for (int64_t moved = 0; status.ok() && moved < kTurn;) {
    if (header_left_ == 0 && left_ == 0) TakeRequest();
    const int64_t before = left_ + static_cast<int64_t>(header_left_);
    if (before == 0) break;
    status = SendSome();
    const int64_t after = left_ + static_cast<int64_t>(header_left_);
    if (after == before) break;  // the socket is full
    moved += before - after;
  }
  return status;
}

void BulkSender::TakeRequest() {
  std::string_view bytes;
  if (!socket_.reader().TakeRaw(kBulkHeaderBytes, &bytes)) return;
  offset_ = static_cast<int64_t>(GetNumber(bytes.data()));
  const auto size = static_cast<int64_t>(GetNumber(bytes.data() + 8));
  const bool inside = arena_.Contains(offset_, size);
  left_ = inside ? size : 0;
  PutPair(static_cast<uint64_t>(inside ? StatusCode::kOk : StatusCode::kInvalidArgument), static_cast<uint64_t>(left_),
          header_.data());
  header_left_ = kBulkHeaderBytes;
}

Status BulkSender::SendSome() {
  iovec parts[2];
  size_t count = 0;
  if (header_left_ > 0) parts[count++] = {header_.data() + kBulkHeaderBytes - header_left_, header_left_};
  if (left_ > 0)
    parts[count++] = {const_cast<char*>(arena_.Read(offset_)), static_cast<size_t>(std::min(left_, kPiece))};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  const ssize_t n = sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) return WouldBlock() ? Status::Ok() : Broken();
  const size_t header = std::min(static_cast<size_t>(n), header_left_);
  header_left_ -= header;
  offset_ += n - static_cast<int64_t>(header);
  left_ -= n - static_cast<int64_t>(header);
  return Status::Ok();
}

// ---- BulkFetcher ----

void BulkFetcher::Add(const BulkFetch& fetch, char* to, Time now) {
  if (queue_.empty() && proven()) deadline_ = now + limits_.stall;
  queue_.push_back({fetch.request, to, fetch.size});
  outstanding_ += fetch.size;
  requests_.resize(requests_.size() + kBulkHeaderBytes);
  PutPair(static_cast<uint64_t>(fetch.remote_offset), static_cast<uint64_t>(fetch.size),
          requests_.data() + requests_.size() - kBulkHeaderBytes);
}

short BulkFetcher::WantedEvents() const { return static_cast<short>(requests_.empty() ? POLLIN : POLLIN | POLLOUT); }

Status BulkFetcher::Serve(Time now) {
  Status status = SendRequests();
  bool any = false;
  for (int64_t before = outstanding_; status.ok() && before - outstanding_ < kTurn;) {
    bool got = false;
    status = Receive(&got);
    any |= got;
    if (!got) break;
  }
  SetLowWater();
  if (queue_.empty() && any)
    deadline_ = now + limits_.idle;
  else if (any || deadline_.ns == INT64_MAX)
    deadline_ = now + limits_.stall;
  return status;
}

// Waking up for every segment would cost more than copying it. A header may be all there is.
void BulkFetcher::SetLowWater() {
  const bool body = header_got_ == kBulkHeaderBytes;
  const int wanted = body ? static_cast<int>(std::clamp<int64_t>(queue_.front().size - got_, 1, kLowWater)) : 1;
  if (wanted == low_water_) return;
  low_water_ = wanted;
  setsockopt(fd(), SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof wanted);
}

Status BulkFetcher::SendRequests() {
  while (!requests_.empty()) {
    const ssize_t n = send(fd(), requests_.data(), requests_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return WouldBlock() ? Status::Ok() : Broken();
    requests_.erase(0, static_cast<size_t>(n));
  }
  return Status::Ok();
}

Status BulkFetcher::Receive(bool* any) {
  const bool header = header_got_ < kBulkHeaderBytes;
  char* to = header ? header_.data() + header_got_ : queue_.front().to + got_;
  const size_t room = header ? kBulkHeaderBytes - header_got_ : static_cast<size_t>(queue_.front().size - got_);
  const ssize_t n = recv(fd(), to, room, MSG_DONTWAIT);
  if (n == 0) return {StatusCode::kUnavailable, "the other node has closed the bulk connection"};
  if (n < 0) return WouldBlock() ? Status::Ok() : Broken();
  *any = true;
  if (header) {
    header_got_ += static_cast<size_t>(n);
    if (header_got_ < kBulkHeaderBytes) return Status::Ok();
    if (Status status = OnHeader(); !status.ok() || queue_.front().size > 0) return status;
  } else {
    got_ += n;
    outstanding_ -= n;
    if (got_ < queue_.front().size) return Status::Ok();
  }
  const uint64_t request = queue_.front().request;
  queue_.pop_front();
  header_got_ = 0;
  got_ = 0;
  done_(request, Status::Ok());
  return Status::Ok();
}

Status BulkFetcher::OnHeader() {
  if (queue_.empty()) return {StatusCode::kInvalidArgument, "the other node sent what nobody asked for"};
  const auto code = static_cast<StatusCode>(GetNumber(header_.data()));
  const auto size = static_cast<int64_t>(GetNumber(header_.data() + 8));
  if (code == StatusCode::kOk && size == queue_.front().size) return Status::Ok();
  return {StatusCode::kInvalidArgument, "the other node has no such bytes in its object memory"};
}

void BulkFetcher::OnClosed(const Status& why) {
  for (const Entry& entry : queue_) done_(entry.request, why);
  queue_.clear();
}

// ---- ArenaDoor ----

short ArenaDoor::WantedEvents() const { return static_cast<short>(sent_ ? POLLIN : POLLIN | POLLOUT); }

Status ArenaDoor::Serve(Time now) {
  Status status;
  if (!sent_) {
    sent_ = SendArena(fd(), arena_, &status);
    deadline_ = now + Duration::Seconds(5);  // the client has what it came for, and closes
    return status;
  }
  socket_.Fill(&status);
  return status;
}

}  // namespace orrery
