// Making connections: listening, dialling, proving. Using and losing them is in links_traffic.cc.
#include <sys/stat.h>
#include <unistd.h>

#include <asio/error.hpp>
#include <cerrno>

#include "runtime/transport/endpoint.h"
#include "runtime/transport/links_internal.h"
#include "runtime/transport/socket_internal.h"

namespace orrery {

using Wait = asio::posix::descriptor_base;

Links::Links(asio::io_context& context, const LiveOptions& options, LinkObserver& observer)
    : context_(context), options_(options), observer_(observer), tcp_listener_(context), unix_listener_(context) {}

Links::~Links() { Close(Duration{}); }

Status Links::Listen() {
  Result<uint32_t> ip = ParseIp(options_.listen_ip);
  if (!ip.ok()) return ip.status();
  if (*ip == 0)
    return {StatusCode::kInvalidArgument, "listen_ip must be the address that peers can reach, not 0.0.0.0"};
  Result<int> tcp = ListenTcp(*ip, options_.port);
  if (!tcp.ok()) return tcp.status();
  tcp_listener_.assign(*tcp);
  self_ = MakeAddress(*ip, LocalPort(*tcp), options_.incarnation);
  ArmAccept(tcp_listener_, true);
  const std::string path = SocketPath(options_.socket_dir, self_, ".sock");
  // A path that no socket can have (about 107 bytes) leaves TCP, which serves as well.
  if (options_.socket_dir.empty() || !FitsUnixPath(path)) return Status::Ok();
  mkdir(options_.socket_dir.c_str(), 0700);
  Result<int> local = ListenUnix(path);
  if (!local.ok()) return local.status();
  unix_listener_.assign(*local);
  unix_path_ = path;
  ArmAccept(unix_listener_, false);
  return Status::Ok();
}

void Links::ArmAccept(Descriptor& listener, bool tcp) {
  listener.async_wait(Wait::wait_read, [this, &listener, tcp](const asio::error_code& error) {
    if (!error && !closing_) AcceptAll(listener, tcp);
  });
}

void Links::AcceptAll(Descriptor& listener, bool tcp) {
  constexpr int kBatch = 64;  // others want their turn, too
  for (int i = 0; i < kBatch; ++i) {
    const int fd = AcceptOne(listener.native_handle());
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The waiting connection stays readable: without a pause we would spin.
        observer_.ArmLinkTimer({kAcceptTimer, tcp ? 1U : 0U}, Duration::Millis(100));
        return;
      }
      if (errno == ECONNABORTED || errno == EINTR) continue;
      break;
    }
    if (unauthenticated_ >= options_.max_unauthenticated) {
      close(fd);
      ++totals_.refused;
      continue;
    }
    ++unauthenticated_;
    BeginHandshake(*Add(fd, false, tcp, Connection::State::kHandshake));
  }
  ArmAccept(listener, tcp);
}

Connection* Links::Add(int fd, bool dialled, bool tcp, Connection::State state) {
  const uint64_t serial = next_serial_++;
  auto connection = std::make_unique<Connection>(context_, serial, fd, dialled, tcp, kMaxHandshakeBody);
  connection->state = state;
  if (tcp) {
    TuneTcp(fd, options_.tcp_user_timeout);
  } else {
    TuneUnix(fd);
  }
  observer_.ArmLinkTimer({kHandshakeTimer, serial}, options_.handshake_timeout);
  return connections_.emplace(serial, std::move(connection)).first->second.get();
}

bool Links::SameMachine(uint32_t ip) const { return ip >> 24 == 127 || ip == IpOf(self_); }

// The UNIX socket of a process on this machine, else TCP. nullptr when it failed at once; then it is reported as lost.
Connection* Links::Dial(const Address& to) {
  Connection* connection = nullptr;
  const std::string path = SocketPath(options_.socket_dir, to, ".sock");
  if (!options_.socket_dir.empty() && SameMachine(IpOf(to)) && FitsUnixPath(path)) {
    Result<Dialled> local = DialUnix(path);
    if (local.ok()) connection = Add(local->fd, true, false, Connection::State::kHandshake);
  }
  if (connection == nullptr) {
    Result<Dialled> remote = DialTcp(IpOf(to), PortOf(to));
    if (!remote.ok()) {
      Report(to, remote.status());
      return nullptr;
    }
    connection = Add(remote->fd, true, true,
                     remote->in_progress ? Connection::State::kConnecting : Connection::State::kHandshake);
  }
  connection->dialled_as = to;
  routes_[to] = connection;
  if (connection->state == Connection::State::kConnecting) {
    AwaitConnected(*connection);
  } else {
    BeginHandshake(*connection);
  }
  return connection;
}

void Links::AwaitConnected(Connection& connection) {
  ++connection.pending_handlers;
  connection.descriptor.async_wait(Wait::wait_write, [this, &connection](const asio::error_code& error) {
    --connection.pending_handlers;
    if (error || connection.state == Connection::State::kClosed) return;
    Status status = PendingError(connection.fd);
    if (status.ok()) {
      connection.state = Connection::State::kHandshake;
      BeginHandshake(connection);
    } else {
      Lose(connection, std::move(status));
    }
    DispatchLost();
  });
}

// May run within Send: whatever fails here is noted, and told at the end of the turn.
void Links::BeginHandshake(Connection& connection) {
  connection.handshake =
      std::make_unique<Handshake>(connection.dialled ? Handshake::Side::kDialler : Handshake::Side::kListener,
                                  Handshake::Identity{.self = self_, .token = options_.token}, connection.dialled_as);
  if (!connection.TransmitNow(connection.handshake->Start())) return Doom(connection, connection.error);
  ArmRead(connection);
}

// False: wait for more bytes, or the handshake has failed and the connection is lost.
bool Links::AdvanceHandshake(Connection& connection) {
  std::string reply;
  Status status;
  if (!connection.preamble_seen) {
    std::string_view preamble;
    if (!connection.reader.TakeRaw(kPreambleBytes, &preamble)) return false;
    connection.preamble_seen = true;
    status = connection.handshake->OnPreamble(preamble, &reply);
  } else {
    Frame frame;
    if (!connection.reader.Next(&frame)) {
      if (!connection.reader.status().ok()) Lose(connection, connection.reader.status());
      return false;
    }
    status = connection.handshake->OnFrame(frame, &reply);
  }
  if (!connection.TransmitNow(reply) && status.ok()) status = connection.error;
  if (!status.ok()) {
    if (!connection.dialled) ++totals_.refused;
    Lose(connection, std::move(status));
    return false;
  }
  if (connection.handshake->done()) FinishHandshake(connection);
  return connection.state != Connection::State::kClosed;
}

void Links::FinishHandshake(Connection& connection) {
  const Address peer = connection.handshake->peer();
  observer_.CancelLinkTimer({kHandshakeTimer, connection.serial});
  connection.reader.set_max_body(options_.max_frame);
  connection.handshake.reset();
  if (!connection.dialled) {
    --unauthenticated_;
    // A peer dials again only after it has given up its former connection: that one is dead, though we have not read
    // so.
    Connection* former = nullptr;
    if (const auto* same = by_peer_.Find(peer)) {
      for (Connection* other : *same) former = other->dialled ? former : other;
    }
    if (former != nullptr) Lose(*former, Status(StatusCode::kUnavailable, "the peer connected anew"));
  }
  connection.state = Connection::State::kOpen;
  connection.peer = peer;
  by_peer_[peer].push_back(&connection);
  if (!routes_.Contains(peer)) routes_[peer] = &connection;
  last_route_ = nullptr;
  DispatchLost();  // before the first message of the new connection
  if (!connection.output.empty() && connection.state == Connection::State::kOpen) FlushOne(connection);
}

}  // namespace orrery
