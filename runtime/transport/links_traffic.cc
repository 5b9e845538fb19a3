// Using connections and losing them.
#include <google/protobuf/message.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <asio/error.hpp>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/links_internal.h"

namespace orrery {

using Wait = asio::posix::descriptor_base;

namespace {

// Bodies and roles that another process has no business sending.
bool MayArrive(const MessageInfo& info) {
  const auto inner = [](Role role) {
    return role == Role::kHost || role == Role::kExecutor || role == Role::kApplication;
  };
  return info.delivery != Delivery::kLocal && !inner(info.source) && !inner(info.target);
}

}  // namespace

// ---- sending ----

Connection* Links::Route(const Address& to) {
  if (last_route_ != nullptr && last_to_ == to) return last_route_;
  Connection* connection = nullptr;
  if (Connection** found = routes_.Find(to)) {
    connection = *found;
  } else if (to.incarnation == 0) {
    // Whoever is there: perhaps it has connected to us already.
    for (auto it = connections_.rbegin(); it != connections_.rend() && connection == nullptr; ++it) {
      Connection& other = *it->second;
      if (other.state == Connection::State::kOpen && !other.doomed && other.peer.endpoint == to.endpoint) {
        connection = &other;
      }
    }
    if (connection != nullptr) {
      connection->alias_used = true;
      routes_[to] = connection;
    }
  }
  if (connection == nullptr) connection = Dial(to);
  last_route_ = connection;
  last_to_ = to;
  return connection;
}

void Links::Send(const Address& to, const Message& message) {
  Connection* connection = Route(to);
  if (connection == nullptr || connection->doomed) return;
  const size_t body = message.EncodedSize();
  if (body > options_.max_frame) {
    return Doom(*connection, Status(StatusCode::kTooLarge, std::string(message.name()) + " of " + std::to_string(body) +
                                                               " bytes exceeds the limit of a frame"));
  }
  uint8_t* out = connection->output.Append(kFrameHeaderBytes + body);
  WriteFrameHeader(static_cast<uint16_t>(message.kind()), 0, body, out);
  message.proto().SerializeWithCachedSizesToArray(out + kFrameHeaderBytes);
  ++totals_.frames_out;
  unflushed_bytes_ += kFrameHeaderBytes + body;
  if (!connection->dirty && !connection->write_armed && connection->state == Connection::State::kOpen) {
    connection->dirty = true;
    dirty_.push_back(connection);
  }
  if (connection->output.size() > options_.output_high_water) WatchOutput(*connection);
}

void Links::WatchOutput(Connection& connection) {
  if (connection.output.size() > options_.output_limit) {
    return Doom(connection,
                Status(StatusCode::kTimedOut, "the peer reads too slowly: " + std::to_string(connection.output.size()) +
                                                  " bytes wait for it"));
  }
  if (connection.stuck_armed) return;
  connection.stuck_armed = true;
  connection.sent_at_mark = connection.sent_total;
  observer_.ArmLinkTimer({kStuckTimer, connection.serial}, options_.stuck_timeout);
}

void Links::Flush() {
  for (size_t i = 0; i < dirty_.size(); ++i) {
    dirty_[i]->dirty = false;
    if (dirty_[i]->state == Connection::State::kOpen) FlushOne(*dirty_[i]);
  }
  dirty_.clear();
  unflushed_bytes_ = 0;
}

void Links::FlushOne(Connection& connection) {
  totals_.peak_output_bytes = std::max<uint64_t>(totals_.peak_output_bytes, connection.output.size());
  switch (connection.Transmit()) {
    case Connection::Io::kMoved: return Heat(connection);
    case Connection::Io::kWouldBlock: return ArmWrite(connection);
    case Connection::Io::kBroken: return Doom(connection, connection.error);
  }
}

void Links::ArmWrite(Connection& connection) {
  if (connection.write_armed) return;
  connection.write_armed = true;
  ++connection.pending_handlers;
  connection.descriptor.async_wait(Wait::wait_write, [this, &connection](const asio::error_code& error) {
    --connection.pending_handlers;
    connection.write_armed = false;
    if (!error && connection.state == Connection::State::kOpen) FlushOne(connection);
    DispatchLost();
  });
}

// ---- receiving ----

void Links::ArmRead(Connection& connection) {
  ++connection.pending_handlers;
  connection.descriptor.async_wait(Wait::wait_read, [this, &connection](const asio::error_code& error) {
    --connection.pending_handlers;
    if (error || connection.state == Connection::State::kClosed) return;
    ReadOnce(connection);
    // Waiting re-arms the edge: bytes left in the socket are reported again.
    if (connection.state != Connection::State::kClosed) ArmRead(connection);
    DispatchLost();
  });
}

bool Links::ReadOnce(Connection& connection) {
  switch (connection.Receive()) {
    case Connection::Io::kWouldBlock: return false;
    case Connection::Io::kBroken: Lose(connection, connection.error); return true;
    case Connection::Io::kMoved: break;
  }
  Heat(connection);
  ProcessInput(connection);
  return true;
}

void Links::ProcessInput(Connection& connection) {
  while (connection.state == Connection::State::kHandshake) {
    if (!AdvanceHandshake(connection)) return;
  }
  Frame frame;
  while (connection.state == Connection::State::kOpen && !connection.doomed && connection.reader.Next(&frame)) {
    if (!DeliverFrame(connection, frame)) return;
  }
  if (connection.state == Connection::State::kOpen && !connection.reader.status().ok()) {
    Lose(connection, connection.reader.status());
  }
}

bool Links::DeliverFrame(Connection& connection, const Frame& frame) {
  const auto kind = static_cast<MessageKind>(frame.kind);
  if (kind != MessageKind::kNone && kind < MessageKind::kCount && !MayArrive(InfoOf(kind))) {
    Lose(connection,
         Status(StatusCode::kInvalidArgument, std::string(InfoOf(kind).name) + " may not come from outside"));
    return false;
  }
  Result<Message> message = Message::Parse(kind, frame.body);
  if (!message.ok()) {
    Lose(connection, message.status());
    return false;
  }
  ++totals_.frames_in;
  observer_.OnLinkMessage(connection.peer, std::move(*message));
  return true;
}

void Links::Heat(Connection& connection) {
  if (hot_[0] == &connection) return;
  const auto known = std::find(hot_.begin(), hot_.end() - 1, &connection);
  std::rotate(hot_.begin(), known, known + 1);
  hot_[0] = &connection;
}

bool Links::ProbeHot(int round) {
  for (size_t i = 0; i < (round % 2 == 0 ? 1 : hot_.size()); ++i) {
    if (hot_[i] == nullptr || hot_[i]->state != Connection::State::kOpen || !ReadOnce(*hot_[i])) continue;
    DispatchLost();
    return true;  // what is hot may be others now
  }
  return false;
}

// ---- losing ----

void Links::Doom(Connection& connection, Status why) {
  if (connection.doomed || connection.state == Connection::State::kClosed) return;
  connection.doomed = true;
  connection.error = std::move(why);
  doomed_.push_back(connection.serial);
}

void Links::Report(const Address& peer, const Status& why) {
  constexpr size_t kKept = 64;
  std::erase_if(errors_, [&](const auto& entry) { return entry.first == peer; });
  errors_.emplace_back(peer, why);
  if (errors_.size() > kKept) errors_.pop_front();
  lost_.push_back(peer);
}

// Ends every connection with the peer of this one: what was in flight on any of them may be lost.
void Links::Lose(Connection& connection, Status why) {
  if (connection.state == Connection::State::kClosed) return;
  if (connection.state != Connection::State::kOpen) {
    CloseOne(connection);
    if (connection.dialled) Report(connection.dialled_as, why);
    return;
  }
  const Address peer = connection.peer;
  std::vector<Address> names = {peer};  // every form in which the state machine addressed this peer
  for (Connection* other : std::vector<Connection*>(by_peer_[peer])) {
    if (other->alias_used) names.push_back({peer.endpoint, 0});
    if (other->dialled) names.push_back(other->dialled_as);  // differs from the peer's own when a relay lies between
    CloseOne(*other);
  }
  std::sort(names.begin() + 1, names.end());
  names.erase(std::unique(names.begin() + 1, names.end()), names.end());
  for (const Address& name : names) {
    if (&name == &names.front() || name != peer) Report(name, why);
  }
}

void Links::CloseOne(Connection& connection) {
  if (connection.state == Connection::State::kHandshake && !connection.dialled) --unauthenticated_;
  observer_.CancelLinkTimer({kHandshakeTimer, connection.serial});
  observer_.CancelLinkTimer({kStuckTimer, connection.serial});
  for (const Address& key : {connection.peer, connection.dialled_as, Address{connection.peer.endpoint, 0}}) {
    Connection** route = routes_.Find(key);
    if (route != nullptr && *route == &connection) routes_.Erase(key);
  }
  if (connection.state == Connection::State::kOpen) {
    std::vector<Connection*>& same = by_peer_[connection.peer];
    std::erase(same, &connection);
    if (same.empty()) by_peer_.Erase(connection.peer);
  }
  last_route_ = nullptr;
  std::replace(hot_.begin(), hot_.end(), &connection, static_cast<Connection*>(nullptr));
  connection.state = Connection::State::kClosed;
  connection.output.Clear();
  totals_.reads += connection.reads;
  totals_.writes += connection.writes;
  totals_.bytes_in += connection.bytes_in;
  totals_.bytes_out += connection.sent_total;
  asio::error_code ignored;
  connection.descriptor.close(ignored);
  auto node = connections_.extract(connection.serial);
  closed_.push_back(std::move(node.mapped()));
}

void Links::Sweep() {
  if (closed_.empty() || !dirty_.empty()) return;
  std::erase_if(closed_, [](const auto& connection) { return connection->pending_handlers == 0; });
}

bool Links::DispatchLost() {
  bool any = false;
  while (!doomed_.empty() || !lost_.empty()) {
    for (uint64_t serial : std::exchange(doomed_, {})) {
      auto it = connections_.find(serial);
      if (it != connections_.end()) Lose(*it->second, Status(it->second->error));
    }
    while (!lost_.empty()) {
      const Address peer = lost_.front();
      lost_.pop_front();
      observer_.OnLinkLost(peer);
      any = true;
    }
  }
  return any;
}

void Links::OnTimer(const TimerKey& key) {
  if (key.kind == kAcceptTimer) return key.id == 1 ? ArmAccept(tcp_listener_, true) : ArmAccept(unix_listener_, false);
  auto it = connections_.find(key.id);
  if (it == connections_.end()) return;
  Connection& connection = *it->second;
  if (key.kind == kHandshakeTimer) {
    const char* what = connection.state == Connection::State::kConnecting ? "connecting" : "the handshake";
    Lose(connection, Status(StatusCode::kTimedOut, std::string(what) + " took longer than the limit"));
  } else {
    connection.stuck_armed = false;
    if (connection.output.size() <= options_.output_high_water) return;
    if (connection.sent_total == connection.sent_at_mark) {
      Lose(connection,
           Status(StatusCode::kTimedOut,
                  "the peer has stopped reading: " + std::to_string(connection.output.size()) + " bytes wait for it"));
    } else {
      WatchOutput(connection);
    }
  }
  DispatchLost();
}

void Links::Close(Duration limit) {
  if (closing_) return;
  closing_ = true;
  const Time end = observer_.LinkNow() + limit;
  for (auto& [serial, connection] : connections_) {
    while (connection->state == Connection::State::kOpen && connection->Transmit() == Connection::Io::kWouldBlock) {
      const Duration left = end - observer_.LinkNow();
      if (left.ns <= 0) break;
      pollfd waiting{connection->fd, POLLOUT, 0};
      poll(&waiting, 1, static_cast<int>(left.ns / 1'000'000 + 1));
    }
  }
  while (!connections_.empty()) CloseOne(*connections_.begin()->second);
  lost_.clear();
  doomed_.clear();
  dirty_.clear();
  asio::error_code ignored;
  tcp_listener_.close(ignored);
  if (!unix_path_.empty()) unlink(unix_path_.c_str());
  unix_listener_.close(ignored);
}

// ---- observing ----

Status Links::LastError(const Address& peer) const {
  for (const auto& [address, status] : errors_) {
    if (address == peer) return status;
  }
  return Status::Ok();
}

void Links::AddStats(LiveStats& stats) const {
  stats.frames_in = totals_.frames_in;
  stats.frames_out = totals_.frames_out;
  stats.refused = totals_.refused;
  stats.reads = totals_.reads;
  stats.writes = totals_.writes;
  stats.bytes_in = totals_.bytes_in;
  stats.bytes_out = totals_.bytes_out;
  stats.peak_output_bytes = totals_.peak_output_bytes;
  for (const auto& [serial, connection] : connections_) {
    stats.reads += connection->reads;
    stats.writes += connection->writes;
    stats.bytes_in += connection->bytes_in;
    stats.bytes_out += connection->sent_total;
    stats.output_bytes += connection->output.size();
    ++stats.connections;
  }
}

}  // namespace orrery
