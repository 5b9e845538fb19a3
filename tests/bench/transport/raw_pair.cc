// The ceiling: what asio and Protobuf allow with one thread per process, reused message objects and coalesced writes.
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/write.hpp>
#include <cstring>
#include <functional>
#include <vector>

#include "runtime/common/assert.h"
#include "tests/bench/transport/pair.h"

namespace orrery {
namespace {

using Socket = asio::basic_stream_socket<asio::local::stream_protocol, asio::io_context::executor_type>;

// One end: frames of a 4-byte length, a 4-byte header and a body; output is sent once per read.
class RawEnd {
 public:
  RawEnd(asio::io_context& context, int fd) : socket_(context, asio::local::stream_protocol(), fd), in_(256 << 10) {
    socket_.non_blocking(true);
  }
  std::function<void(const char*, size_t)> on_body;

  void Read() {
    socket_.async_read_some(asio::buffer(in_.data() + end_, in_.size() - end_), [this](asio::error_code error, size_t n) {
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

void Serve(int fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  asio::io_context context(1);
  RawEnd end(context, fd);
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

class RawPair final : public Pair {
 public:
  RawPair() {
    int ends[2];
    ORRERY_ASSERT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    child_ = fork();
    if (child_ == 0) {
      close(ends[0]);
      Serve(ends[1]);
      _exit(0);
    }
    close(ends[1]);
    end_ = std::make_unique<RawEnd>(context_, ends[0]);
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

std::unique_ptr<Pair> MakeRawPair(const std::string&) { return std::make_unique<RawPair>(); }

}  // namespace orrery
