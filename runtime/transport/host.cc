#include "runtime/transport/host.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <vector>

#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/fork_client.h"
#include "runtime/transport/fork_server.h"
#include "runtime/transport/live_env_internal.h"
#include "runtime/transport/session.h"
#include "runtime/transport/spawn.h"

namespace orrery {

namespace {

const char* Variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

template <class Number>
bool ReadNumber(const char* text, Number& number) {
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), number);
  return error == std::errc() && *end == '\0' && end != text;
}

bool CanFork(const msg::WorkerCommand& command) {
  for (const msg::Label& variable : command.environment()) {
    if (variable.key() == kForkServerVariable) return variable.value() != "0";
  }
  return false;
}

}  // namespace

Result<std::optional<WorkerEnvironment>> WorkerEnvironment::FromProcess() {
  if (getenv("ORRERY_WORKER_ID") == nullptr) return std::optional<WorkerEnvironment>();
  WorkerEnvironment environment;
  const auto garbled = [](const char* name) {
    return Status(StatusCode::kInvalidArgument, std::string(name) + " is garbled: '" + Variable(name) + "'");
  };
  if (!ReadNumber(Variable("ORRERY_WORKER_ID"), environment.worker.value)) return garbled("ORRERY_WORKER_ID");
  if (!ReadNumber(Variable("ORRERY_PARENT_PID"), environment.parent_pid)) return garbled("ORRERY_PARENT_PID");
  Result<Address> node_manager = ParseAddress(Variable("ORRERY_NODE_MANAGER"));
  if (!node_manager.ok()) return garbled("ORRERY_NODE_MANAGER");
  environment.node_manager = *node_manager;
  environment.token_file = Variable("ORRERY_TOKEN_FILE");
  environment.session_dir = Variable("ORRERY_SESSION_DIR");
  return std::optional<WorkerEnvironment>(environment);
}

void DieWithParent(int parent_pid, int signal) {
  prctl(PR_SET_PDEATHSIG, signal);
  // It may have died before the line above.
  if (getppid() != parent_pid) kill(getpid(), signal);
}

class LiveHost::Impl {
 public:
  Impl(LiveEnv& env, HostOptions options)
      : env_(env), options_(std::move(options)), forks_(env, [this](const ForkResult& result) { OnForked(result); }) {}
  ~Impl();
  void Start(const msg::StartProcess& request);
  void Kill(WorkerId worker, bool force);

  LiveEnv& env_;
  const HostOptions options_;
  int exit_code_ = 0;
  std::string exit_reason_;
  struct Process {
    int pid = 0;
    int pidfd = -1;
  };
  std::map<WorkerId, Process> processes_;
  bool stale_sockets_ = false;  // the sweep timer is set

 private:
  static constexpr uint64_t kSweepTimer = 1;
  SpawnRequest CommandOf(const msg::StartProcess& request) const;
  void OnForked(const ForkResult& result);
  void OnStarted(WorkerId worker, int pid);
  void OnExit(WorkerId worker);
  void ReportExit(WorkerId worker, int code, int signal, const std::string& message);

  ForkClient forks_;
};

SpawnRequest LiveHost::Impl::CommandOf(const msg::StartProcess& request) const {
  const msg::WorkerCommand& command = request.command();
  SpawnRequest spawn{.words = {command.executable()},
                     .folder = command.working_directory(),
                     .log = options_.log_dir + "/" + ToString(WorkerId{request.worker()}) + ".log"};
  spawn.words.insert(spawn.words.end(), command.arguments().begin(), command.arguments().end());
  auto& variables = spawn.environment;
  for (const msg::Label& variable : command.environment()) variables[variable.key()] = variable.value();
  variables["ORRERY_WORKER_ID"] = std::to_string(request.worker());
  variables["ORRERY_NODE_MANAGER"] = ToString(env_.address());
  variables["ORRERY_TOKEN_FILE"] = options_.token_file;
  variables["ORRERY_SESSION_DIR"] = options_.session_dir;
  variables["ORRERY_PARENT_PID"] = std::to_string(getpid());
  return spawn;
}

void LiveHost::Impl::Start(const msg::StartProcess& request) {
  const WorkerId worker{request.worker()};
  if (processes_.count(worker) != 0 || forks_.Starting(worker)) return;  // a second copy of the request
  if (CanFork(request.command())) {
    return forks_.Start(request.command().SerializeAsString(), worker, CommandOf(request));
  }
  int pid = 0;
  const int error = Spawn(CommandOf(request), &pid);
  if (error != 0) {
    return ReportExit(worker, 127, 0,
                      "cannot start '" + request.command().executable() + "' in '" +
                          request.command().working_directory() + "': " + std::strerror(error));
  }
  OnStarted(worker, pid);
}

void LiveHost::Impl::OnForked(const ForkResult& result) {
  if (result.pid == 0) return ReportExit(result.worker, result.code, result.signal, result.message);
  OnStarted(result.worker, result.pid);
  if (result.kill != 0) kill(-result.pid, result.kill);
}

void LiveHost::Impl::OnStarted(WorkerId worker, int pid) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  ORRERY_ASSERT_MSG(pidfd >= 0, "pidfd_open needs Linux 5.3 or newer");
  processes_[worker] = {pid, pidfd};
  env_.impl().WatchReadable(pidfd, [this, worker] { OnExit(worker); });
  Draft<msg::ProcessStarted> started;
  started->set_worker(worker.value);
  started->set_pid(static_cast<uint32_t>(pid));
  env_.Post(Address::Host(), std::move(started));
}

void LiveHost::Impl::Kill(WorkerId worker, bool force) {
  const auto it = processes_.find(worker);
  const int signal = force ? SIGKILL : SIGTERM;
  if (it == processes_.end()) return forks_.Kill(worker, signal);
  kill(-it->second.pid, signal);
}

void LiveHost::Impl::OnExit(WorkerId worker) {
  const auto it = processes_.find(worker);
  if (it == processes_.end()) return;
  const Process process = it->second;
  processes_.erase(it);
  // What the worker itself has started goes with it. Its pid cannot be in use again before it is reaped.
  kill(-process.pid, SIGKILL);
  int status = 0;
  waitpid(process.pid, &status, 0);
  close(process.pidfd);
  forks_.OnExit(worker);
  forks_.ReapOrphans([this](int pid) {
    return std::any_of(processes_.begin(), processes_.end(),
                       [&](const auto& entry) { return entry.second.pid == pid; });
  });
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  ReportExit(worker, code, signal,
             signal != 0 ? std::string("killed by signal ") + std::to_string(signal) + " (" + strsignal(signal) + ")"
                         : "exit code " + std::to_string(code));
  if (signal != 0 && !options_.socket_dir.empty()) {
    // It could not remove its socket. Many may die at once: look only once.
    stale_sockets_ = true;
    env_.impl().CallLater(kSweepTimer, Duration::Seconds(1), [this] {
      stale_sockets_ = false;
      RemoveStaleSockets(options_.socket_dir);
    });
  }
}

void LiveHost::Impl::ReportExit(WorkerId worker, int code, int signal, const std::string& message) {
  Draft<msg::ProcessExited> exited;
  exited->set_worker(worker.value);
  exited->set_exit_code(code);
  exited->set_signal(signal);
  exited->set_message(message);
  env_.Post(Address::Host(), std::move(exited));
}

LiveHost::Impl::~Impl() {
  for (const auto& [worker, process] : processes_) kill(-process.pid, SIGKILL);
  for (const auto& [worker, process] : processes_) {
    waitpid(process.pid, nullptr, 0);
    env_.impl().Unwatch(process.pidfd);
    close(process.pidfd);
  }
  env_.impl().CancelCall(kSweepTimer);
  if ((stale_sockets_ || !processes_.empty()) && !options_.socket_dir.empty()) RemoveStaleSockets(options_.socket_dir);
}

LiveHost::LiveHost(LiveEnv& env, HostOptions options) : impl_(std::make_unique<Impl>(env, std::move(options))) {}
LiveHost::~LiveHost() = default;

void LiveHost::OnMessage(Message message) {
  switch (message.kind()) {
    case MessageKind::kStartProcess: return impl_->Start(message.As<msg::StartProcess>());
    case MessageKind::kKillProcess: {
      const auto& request = message.As<msg::KillProcess>();
      return impl_->Kill(WorkerId{request.worker()}, request.force());
    }
    case MessageKind::kExit: {
      impl_->exit_code_ = message.As<msg::Exit>().code();
      impl_->exit_reason_ = message.As<msg::Exit>().reason();
      return impl_->env_.Stop();
    }
    default: ORRERY_ASSERT_MSG(false, "not a message for the host");
  }
}

int LiveHost::exit_code() const { return impl_->exit_code_; }
const std::string& LiveHost::exit_reason() const { return impl_->exit_reason_; }
size_t LiveHost::process_count() const { return impl_->processes_.size(); }

}  // namespace orrery
