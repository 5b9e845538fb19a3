// The ceiling: what asio and Protobuf allow with one thread per process, reused message objects and coalesced writes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/write.hpp>
#include <cstring>
#include <functional>
#include <vector>

#include "runtime/common/assert.h"
#include "tests/bench/transport/pair.h"

namespace orrery {
namespace {

using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

// One end: frames of a 4-byte length, a 4-byte header and a body; output is sent once per read.
class RawEnd {
 public:
  RawEnd(asio::io_context& context, int family, int fd)
      : socket_(context, asio::generic::stream_protocol(family, 0), fd), in_(256 << 10) {
    socket_.non_blocking(true);
  }
  std::function<void(const char*, size_t)> on_body;

  void Read() {
    socket_.async_read_some(asio::buffer(in_.data() + end_, in_.size() - end_),
                            [this](asio::error_code error, size_t n) {
                              if (error) return;
                              end_ += n;
                              size_t at = 0;
                              uint32_t length = 0;
                              while (end_ - at >= 8) {
                                std::memcpy(&length, in_.data() + at, 4);
                                if (end_ - at < 4 + length) break;
                                on_body(in_.data() + at + 8, length - 4);
                                at += 4 + length;
                              }
                              std::memmove(in_.data(), in_.data() + at, end_ - at);
                              end_ -= at;
                              Flush();
                              Read();
                            });
  }
  void Append(const google::protobuf::MessageLite& body) {
    const size_t size = body.ByteSizeLong();
    const auto length = static_cast<uint32_t>(size + 4);
    const size_t at = out_.size();
    out_.resize(at + 8 + size);
    std::memcpy(out_.data() + at, &length, 4);
    body.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(out_.data() + at + 8));
  }
  void Flush() {
    if (writing_ || out_.empty()) return;
    asio::error_code error;
    const size_t sent = socket_.write_some(asio::buffer(out_), error);
    if (!error && sent == out_.size()) return out_.clear();
    writing_ = true;
    pending_.assign(out_.begin() + static_cast<std::ptrdiff_t>(error ? 0 : sent), out_.end());
    out_.clear();
    asio::async_write(socket_, asio::buffer(pending_), [this](asio::error_code, size_t) {
      writing_ = false;
      Flush();
    });
  }

 private:
  Socket socket_;
  std::vector<char> in_;
  size_t end_ = 0;
  std::string out_, pending_;
  bool writing_ = false;
};

void Serve(int family, int fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  asio::io_context context(1);
  RawEnd end(context, family, fd);
  msg::PushTask push;
  msg::TaskReply reply;
  end.on_body = [&](const char* body, size_t size) {
    ORRERY_ASSERT(push.ParseFromArray(body, static_cast<int>(size)));
    FillReply(push, &reply);
    end.Append(reply);
  };
  end.Read();
  context.run();
}

// Two connected TCP sockets over the loopback interface.
void TcpPair(int ends[2]) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  auto* plain = reinterpret_cast<sockaddr*>(&name);
  ORRERY_ASSERT(bind(listener, plain, size) == 0 && listen(listener, 1) == 0 &&
                getsockname(listener, plain, &size) == 0);
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  ORRERY_ASSERT(connect(ends[0], plain, size) == 0);
  ends[1] = accept(listener, nullptr, nullptr);
  const int on = 1;
  for (int i = 0; i < 2; ++i) setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  close(listener);
}

class RawPair final : public Pair {
 public:
  explicit RawPair(bool tcp) {
    int ends[2];
    const int family = tcp ? AF_INET : AF_UNIX;
    if (tcp) {
      TcpPair(ends);
    } else {
      ORRERY_ASSERT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    }
    child_ = fork();
    if (child_ == 0) {
      close(ends[0]);
      Serve(family, ends[1]);
      _exit(0);
    }
    close(ends[1]);
    end_ = std::make_unique<RawEnd>(context_, family, ends[0]);
    end_->Read();
  }
  ~RawPair() override {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Figures Measure(const Load& load) override {
    Meter meter(load);
    msg::PushTask push;
    msg::TaskReply reply;
    uint64_t next = 0, in_flight = 0;
    bool going = true;
    const auto ask = [&] {
      FillRequest(++next, &push);
      meter.Asked();
      end_->Append(push);
      ++in_flight;
    };
    end_->on_body = [&](const char* body, size_t size) {
      ORRERY_ASSERT(reply.ParseFromArray(body, static_cast<int>(size)));
      --in_flight;
      going = meter.Answered() && going;
      if (going) ask();
    };
    for (uint64_t i = 0; i < load.window; ++i) ask();
    end_->Flush();
    while (in_flight > 0) context_.run_one();
    return meter.Finish();
  }

 private:
  asio::io_context context_{1};
  std::unique_ptr<RawEnd> end_;
  pid_t child_;
};

}  // namespace

std::unique_ptr<Pair> MakeRawPair(const std::string& socket_dir) {
  return std::make_unique<RawPair>(socket_dir.empty());
}

}  // namespace orrery
