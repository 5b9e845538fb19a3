// The same exchange through two LiveEnvs: handshake, frames, routing, the turn of the loop and all.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/messages/message.h"
#include "runtime/transport/live_env.h"
#include "tests/bench/transport/pair.h"

namespace orrery {
namespace {

struct Server final : StateMachine {
  Env& env;
  explicit Server(Env& e) : env(e) {}
  void OnMessage(const Address& from, Message message) override {
    Draft<msg::TaskReply> reply;
    FillReply(message.As<msg::PushTask>(), &*reply);
    env.Send(from, std::move(reply));
  }
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override {}
};

struct Client final : StateMachine {
  Env& env;
  Address server;
  Meter* meter = nullptr;
  uint64_t next = 0, in_flight = 0;
  bool going = false;

  Client(Env& e, const Address& s) : env(e), server(s) {}
  void Ask() {
    Draft<msg::PushTask> push;
    FillRequest(++next, &*push);
    meter->Asked();
    env.Send(server, std::move(push));
    ++in_flight;
  }
  void OnMessage(const Address&, Message message) override {
    ORRERY_ASSERT(message.As<msg::TaskReply>().index() != 0);
    --in_flight;
    going = meter->Answered() && going;
    if (going) Ask();
  }
  void OnTimer(TimerKind, uint64_t) override {}
  void OnPeerLost(const Address&) override { ORRERY_ASSERT_MSG(false, "the server is gone"); }
};

class LivePair final : public Pair {
 public:
  explicit LivePair(const std::string& socket_dir) {
    const LiveOptions options = {.role = "bench", .socket_dir = socket_dir, .token = "bench"};
    int ends[2];
    ORRERY_ASSERT(pipe(ends) == 0);
    child_ = fork();
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      auto env = LiveEnv::Create(options).value();
      Server server(*env);
      env->SetStateMachine(&server);
      const Address address = env->address();
      ORRERY_ASSERT(write(ends[1], &address, sizeof address) == sizeof address);
      env->Run();
      _exit(0);
    }
    Address server;
    ORRERY_ASSERT(read(ends[0], &server, sizeof server) == sizeof server);
    close(ends[0]);
    close(ends[1]);
    env_ = LiveEnv::Create(options).value();
    client_ = std::make_unique<Client>(*env_, server);
    env_->SetStateMachine(client_.get());
    env_->Acquire();
  }
  ~LivePair() override {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Figures Measure(const Load& load) override {
    Meter meter(load);
    client_->meter = &meter;
    client_->going = true;
    for (uint64_t i = 0; i < load.window; ++i) client_->Ask();
    while (client_->in_flight > 0) env_->RunOne(Duration::Seconds(1));
    return meter.Finish();
  }

 private:
  std::unique_ptr<Client> client_;
  std::unique_ptr<LiveEnv> env_;
  pid_t child_;
};

}  // namespace

std::unique_ptr<Pair> MakeLivePair(const std::string& socket_dir) { return std::make_unique<LivePair>(socket_dir); }

}  // namespace orrery
