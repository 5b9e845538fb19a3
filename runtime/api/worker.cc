#include "runtime/api/worker.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>

#include "runtime/api/client.h"
#include "runtime/api/concurrent_calls.h"
#include "runtime/api/driver.h"
#include "runtime/api/executor.h"
#include "runtime/api/guest.h"
#include "runtime/core_worker/core_worker.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/handshake.h"
#include "runtime/transport/live_env.h"
#include "runtime/transport/session.h"

namespace orrery::internal {

namespace {

// The main thread drives the sockets between tasks and runs the tasks itself; while one runs long, the background
// thread of LiveEnv drives. Everything but the function's own run happens holding the drive token. The calls of a
// concurrent actor run elsewhere (ConcurrentCalls), and the main thread drives all the time.
class Worker {
 public:
  Worker(const WorkerEnvironment& environment, const Settings& settings, std::unique_ptr<LiveEnv> env);
  int Run();

 private:
  void OnExecutorMessage(Message message);
  void OnHostMessage(const Message& message);
  void OnApplicationMessage(Message message);
  void RunQueued(Message message);
  void RunTask(const Message& execute);
  bool Ready() const { return !queue_.empty() && client_ != nullptr && !env_->stopped(); }

  static constexpr Duration kRow = Duration::Micros(50);
  const std::string socket_path_;
  const Settings settings_;
  std::unique_ptr<LiveEnv> env_;
  FunctionEndpoint executor_, host_, application_;
  CoreWorker core_worker_;
  LiveBackend backend_;
  Client* client_ = nullptr;  // from registration on
  const WorkerId id_;
  std::deque<Message> queue_;  // ExecuteTask, and InterruptTask for the guest
  ConcurrentCalls calls_;
  RunningTask running_;
  bool in_task_ = false;
  Time last_finish_;
  int exit_code_ = 0;
};

TaskId TaskOf(const msg::InterruptTask& interrupt) { return {WorkerId{interrupt.owner()}, interrupt.index()}; }

CoreWorkerOptions CoreOptions(const WorkerEnvironment& environment, const LiveEnv& env) {
  return {.self = env.address(),
          .node_manager = environment.node_manager,
          .worker = environment.worker,
          .pid = static_cast<uint32_t>(getpid()),
          .registration = {}};
}

Worker::Worker(const WorkerEnvironment& environment, const Settings& settings, std::unique_ptr<LiveEnv> env)
    : socket_path_(SocketPath(environment.session_dir + "/sockets", env->address(), ".sock")),
      settings_(settings),
      env_(std::move(env)),
      executor_([this](Message message) { OnExecutorMessage(std::move(message)); }),
      host_([this](Message message) { OnHostMessage(message); }),
      application_([this](Message message) { OnApplicationMessage(std::move(message)); }),
      core_worker_(*env_, settings_, CoreOptions(environment, *env_)),
      backend_(*env_, core_worker_, environment.node_manager, nullptr),
      id_(environment.worker),
      calls_(*env_) {
  env_->SetStateMachine(&core_worker_);
  env_->SetLocalEndpoint(Address::Executor(), &executor_);
  env_->SetLocalEndpoint(Address::Host(), &host_);
  env_->SetLocalEndpoint(Address::Application(), &application_);
}

int Worker::Run() {
  env_->StartBackgroundThread();
  env_->Acquire();
  while (!env_->stopped()) {
    if (client_ != nullptr) client_->FlushReleased();  // what the last result carried: perhaps no task follows
    env_->RunOne(Ready() ? Duration{} : Duration::Seconds(1));
    // A row of short tasks: looking at sockets and clock after each would cost more than the tasks.
    last_finish_ = env_->Now();
    const Time row_ends = last_finish_ + kRow;
    while (Ready() && last_finish_ < row_ends) {
      Message next = std::move(queue_.front());
      queue_.pop_front();
      RunQueued(std::move(next));
      env_->DeliverLocal();
    }
  }
  env_->Release();
  return exit_code_;
}

void Worker::RunQueued(Message message) {
  const bool cancel = message.kind() == MessageKind::kInterruptTask;
  if (!cancel && message.As<msg::ExecuteTask>().thread_group() == 0) return RunTask(message);
  if (!calls_.asyncio()) return calls_.Start(std::move(message));
  env_->Release(false);  // the guest may be long in the middle of something
  if (cancel)
    calls_.Cancel(TaskOf(message.As<msg::InterruptTask>()));
  else
    calls_.Start(std::move(message));
  env_->Acquire();
}

void Worker::RunTask(const Message& execute) {
  PrepareTask(execute, running_);
  in_task_ = true;
  env_->Release(false);
  const Time start =
      last_finish_;  // of the row's begin or its last task: within a microsecond of now, without asking the clock
  Executed executed = ExecuteNow(execute, running_, *client_);
  last_finish_ = env_->Now();
  client_->FlushReleased();
  env_->Acquire();
  in_task_ = false;
  auto& result = executed.message.As<msg::TaskExecuted>();
  result.set_start_ns(start.ns);
  result.set_finish_ns(last_finish_.ns);
  const msg::TaskSpec& spec = execute.As<msg::ExecuteTask>().spec();
  if (spec.has_actor()) calls_.SetActor(*client_, spec.actor().asyncio(), running_.in);
  // What the function has put, borrowed and let go comes before its end.
  env_->DeliverLocal();
  core_worker_.OnMessage(Address::Executor(), std::move(executed.message));
}

void Worker::OnExecutorMessage(Message message) {
  if (message.kind() == MessageKind::kExecuteTask) {
    queue_.push_back(std::move(message));
    return;
  }
  const TaskId task = TaskOf(message.As<msg::InterruptTask>());
  if (!in_task_ || running_.task != task) {
    if (calls_.Interrupt(task)) queue_.push_back(std::move(message));
    return;
  }
  running_.cancelled.store(true);
  client_->InterruptTask(running_);
  if (Guest* const guest = CurrentGuest()) guest->Interrupt();
}

void Worker::OnHostMessage(const Message& message) {
  if (message.kind() != MessageKind::kExit) return;
  exit_code_ = message.As<msg::Exit>().code();
  std::fprintf(stderr, "%s ends: %s\n", ToString(id_).c_str(), message.As<msg::Exit>().reason().c_str());
  if (in_task_ || calls_.busy()) {
    // User code will not come back in time: nobody may wait for it.
    std::fflush(nullptr);
    unlink(socket_path_.c_str());
    _exit(exit_code_);
  }
  env_->Stop();
}

void Worker::OnApplicationMessage(Message message) {
  if (message.kind() == MessageKind::kDriverReady) {
    const auto& ready = message.As<msg::DriverReady>();
    const Identity identity{id_, JobId{ready.job()}, NodeId{ready.node()}, env_->address(),
                            ClusterTag(env_->options().token)};
    client_ = &Client::Open(backend_, identity, ClientOptionsFrom(settings_));
    return;
  }
  client_->OnMessage(std::move(message));
}

[[nodiscard]] int Refuse(const std::string& what) {
  std::fprintf(stderr, "orrery worker: %s\n", what.c_str());
  return 1;
}

}  // namespace

int RunWorker(const WorkerEnvironment& environment) {
  DieWithParent(environment.parent_pid);
  setvbuf(stdout, nullptr, _IOLBF, 0);  // a log file: lines must survive a SIGKILL
  const char* text = std::getenv(kSettingsVariable);
  const Result<Settings> settings = ParseSettings(text == nullptr ? "" : text);
  if (!settings.ok()) return Refuse(settings.status().ToString());
  Result<std::string> token = ReadTokenFile(environment.token_file);
  if (!token.ok()) return Refuse(token.status().ToString());
  LiveOptions live;
  live.role = "worker";
  live.listen_ip = IpText(environment.node_manager);
  live.socket_dir = environment.session_dir + "/sockets";
  live.token = *token;
  Result<std::unique_ptr<LiveEnv>> env = LiveEnv::Create(live);
  if (!env.ok()) return Refuse(env.status().ToString());
  return Worker(environment, settings.value(), std::move(*env)).Run();
}

}  // namespace orrery::internal
