#include "sim/platform/sim_host.h"

#include <utility>

#include "runtime/core_worker/core_worker.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

class SilentApplication final : public SimLocalEndpoint {
 public:
  void OnMessage(ProcessHandle, Message) override {}
};

}  // namespace

SimHost::SimHost(SimEngine& engine, SimExecutor& executor, const Settings& settings, const CostProfile& costs,
                 Distribution startup)
    : engine_(engine),
      executor_(executor),
      settings_(settings),
      costs_(costs),
      startup_(std::move(startup)),
      random_(engine.NamedRandom("host", "startup")),
      silent_(std::make_unique<SilentApplication>()) {}

SimHost::~SimHost() = default;

void SimHost::OnMessage(ProcessHandle process, Message message) {
  switch (message.kind()) {
    case MessageKind::kStartProcess: {
      const Worker worker{WorkerId{message.As<msg::StartProcess>().worker()}, {}, process};
      starting_.emplace(worker.id.value, worker);
      engine_.At(engine_.Now() + Duration::FromSeconds(Sample(startup_, random_)), this, 0, worker.id.value);
      return;
    }
    case MessageKind::kKillProcess: {
      const WorkerId id{message.As<msg::KillProcess>().worker()};
      if (auto it = starting_.find(id.value); it != starting_.end()) {
        const Worker worker = it->second;
        starting_.erase(it);
        return TellExited(worker, 0, 15, "");
      }
      for (const auto& [handle, worker] : workers_) {
        if (worker.id == id) return KillWorker(handle, message.As<msg::KillProcess>().force() ? 9 : 15);
      }
      return;
    }
    case MessageKind::kExit: {
      const auto& exit = message.As<msg::Exit>();
      auto it = workers_.find(process);
      if (it == workers_.end()) return engine_.Kill(process);  // a daemon or a driver
      const Worker worker = it->second;
      engine_.Kill(process);
      return TellExited(worker, exit.code(), 0, "");
    }
    default: ORRERY_ASSERT_MSG(false, "not a message for the host");
  }
}

void SimHost::OnProcessGone(ProcessHandle process) { workers_.erase(process); }

void SimHost::OnEvent(uint64_t, uint64_t b) {
  auto it = starting_.find(b);
  if (it == starting_.end()) return;  // killed before it was there
  Worker worker = it->second;
  starting_.erase(it);
  if (!engine_.Alive(worker.node_manager)) return;
  ++started_;
  const Address node_manager = engine_.AddressOf(worker.node_manager);
  const auto factory = [&](Env& env, Address self) -> std::unique_ptr<StateMachine> {
    CoreWorkerOptions options;
    options.self = self;
    options.node_manager = node_manager;
    options.worker = worker.id;
    options.pid = static_cast<uint32_t>(self.incarnation);
    return std::make_unique<CoreWorker>(env, settings_, std::move(options));
  };
  worker.process = engine_.Spawn(engine_.HostOf(worker.node_manager), factory,
                                 {.name = ToString(worker.id), .costs = &costs_, .slot = 0});
  workers_.emplace(worker.process, worker);
  engine_.SetLocalEndpoint(worker.process, Address::Host(), this);
  engine_.SetLocalEndpoint(worker.process, Address::Executor(), &executor_);
  engine_.SetLocalEndpoint(worker.process, Address::Application(), silent_.get());
  Draft<msg::ProcessStarted> started;
  started->set_worker(worker.id.value);
  started->set_pid(worker.process.value);
  engine_.Deliver(worker.node_manager, Address::Host(), std::move(started));
}

void SimHost::KillWorker(ProcessHandle process, int signal) {
  auto it = workers_.find(process);
  if (it == workers_.end()) return;
  const Worker worker = it->second;
  engine_.Kill(process);
  TellExited(worker, 0, signal, "");
}

void SimHost::TellExited(const Worker& worker, int exit_code, int signal, const std::string& message) {
  Draft<msg::ProcessExited> notice;
  notice->set_worker(worker.id.value);
  notice->set_exit_code(exit_code);
  notice->set_signal(signal);
  notice->set_message(message);
  engine_.Deliver(worker.node_manager, Address::Host(), std::move(notice));
}

}  // namespace orrery
