#include "runtime/main/daemon_base.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

namespace {

void Tell(int fd, const std::string& line) {
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t n = write(fd, line.data(), line.size());
  close(fd);
}

}  // namespace

Result<std::unique_ptr<DaemonBase>> DaemonBase::Open(const DaemonOptions& options, const std::string& role, int port) {
  signal(SIGPIPE, SIG_IGN);
  if (options.parent_pid != 0) DieWithParent(options.parent_pid, SIGTERM);
  Result<Session> session = Session::Open(options.session_dir);
  if (!session.ok()) return session.status();
  const std::string token_file = options.start.token_file.empty() ? session->token_file() : options.start.token_file;
  Result<std::string> token = ReadTokenFile(token_file);
  if (!token.ok()) return token.status();
  std::unique_ptr<DaemonBase> daemon(new DaemonBase(options, std::move(*session)));
  LiveOptions live;
  live.role = role;
  live.listen_ip = options.start.host;
  live.port = static_cast<uint16_t>(port);
  live.socket_dir = daemon->session_.socket_dir();
  live.token = *token;
  Result<std::unique_ptr<LiveEnv>> env = LiveEnv::Create(live);
  if (!env.ok()) return env.status();
  daemon->env_ = std::move(*env);
  daemon->host_ = std::make_unique<LiveHost>(*daemon->env_, HostOptions{.session_dir = daemon->session_.folder(),
                                                                        .socket_dir = daemon->session_.socket_dir(),
                                                                        .token_file = token_file,
                                                                        .log_dir = daemon->session_.log_dir()});
  return daemon;
}

DaemonBase::~DaemonBase() {
  host_.reset();
  env_.reset();
  session_.RemoveRecord(getpid());
  session_.CleanStale();
}

int DaemonBase::GiveUp(const DaemonOptions& options, const Status& status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  Tell(options.ready_fd, status.message() + "\n");
  return 1;
}

void DaemonBase::Ready(DaemonRecord record) {
  record.address = ToString(env_->address());
  Status status = session_.WriteRecord(record);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  Tell(options_.ready_fd, "ok " + record.address + " " + record.node_name + "\n");
  std::printf("%s ready at %s\n", record.role.c_str(), record.address.c_str());
  std::fflush(stdout);
}

int DaemonBase::Run(StateMachine& machine, const std::function<void()>& each_turn, TraceSink* sink) {
  if (sink == nullptr) sink = &log_;
  env_->SetStateMachine(&machine);
  env_->SetLocalEndpoint(Address::Host(), host_.get());
  const char* trace_folder = std::getenv("ORRERY_TRACE_DIR");
  if (trace_folder != nullptr) trace_file_ = TraceFile::Open(trace_folder, env_->options().role, *sink);
  env_->SetTraceSink(trace_file_ != nullptr ? static_cast<TraceSink*>(trace_file_.get()) : sink);
  env_->CatchSignals({SIGTERM, SIGINT, SIGHUP}, [this](int number) {
    if (number == SIGHUP) return;  // the terminal is gone; we are not
    Draft<msg::Shutdown> shutdown;
    shutdown->set_reason(std::string("signal ") + sigabbrev_np(number));
    env_->Post(Address::Host(), std::move(shutdown));
  });
  env_->Acquire();
  while (!env_->stopped()) {
    env_->RunOne(Duration::Seconds(1));
    if (each_turn) each_turn();
    if (trace_file_ != nullptr) trace_file_->Flush();
  }
  env_->Release();
  std::printf("ends: %s\n", host_->exit_reason().c_str());
  std::fflush(stdout);
  return host_->exit_code();
}

}  // namespace orrery
