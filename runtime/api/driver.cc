#include "runtime/api/driver.h"

#include <unistd.h>

#include <filesystem>
#include <thread>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/fork_server.h"
#include "runtime/transport/handshake.h"

namespace orrery::internal {

namespace {

constexpr Duration kConnectLimit = Duration::Seconds(30);
constexpr Duration kCloseLimit = Duration::Seconds(5);

Message MakeRegistration(const DriverOptions& options, const Address& self) {
  Draft<msg::RegisterDriver> registration;
  registration->set_pid(static_cast<uint32_t>(getpid()));
  registration->set_name(options.name);
  registration->set_priority(options.terms.priority);
  registration->set_weight(options.terms.weight.raw);
  ToProto(self, registration->mutable_address());
  msg::WorkerCommand& command = *registration->mutable_worker();
  std::error_code ignored;
  if (options.worker.executable.empty()) {
    command.set_executable(std::filesystem::read_symlink("/proc/self/exe", ignored).string());
    for (size_t i = 1; i < options.arguments.size(); ++i) command.add_arguments(options.arguments[i]);
  } else {
    command.set_executable(options.worker.executable);
    for (const std::string& argument : options.worker.arguments) command.add_arguments(argument);
  }
  command.set_working_directory(std::filesystem::current_path(ignored).string());
  msg::Label& settings = *command.add_environment();
  settings.set_key(kSettingsVariable);
  settings.set_value(FormatSettings(options.settings));
  const char* forks = getenv(kForkServerVariable);
  msg::Label& fork_server = *command.add_environment();
  fork_server.set_key(kForkServerVariable);
  fork_server.set_value(forks == nullptr ? "1" : forks);
  for (const auto& [name, value] : options.worker.environment) {
    msg::Label& variable = *command.add_environment();
    variable.set_key(name);
    variable.set_value(value);
  }
  return registration;
}

}  // namespace

std::string FormatSettings(const std::map<std::string, std::string>& settings) {
  std::string text;
  for (const auto& [name, value] : settings) text += (text.empty() ? "" : ";") + name + "=" + value;
  return text;
}

std::string IpText(const Address& address) {
  const std::string text = ToString(Address{address.endpoint, 0});
  return text.substr(0, text.find(':'));
}

Result<Settings> ParseSettings(const std::string& text) {
  Settings settings;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(';', begin), text.size());
    const std::string entry = text.substr(begin, end - begin);
    const size_t equals = entry.find('=');
    if (equals == std::string::npos) return Status(StatusCode::kInvalidArgument, "setting '" + entry + "' has no '='");
    if (Status status = SetSetting(settings, entry.substr(0, equals), entry.substr(equals + 1)); !status.ok())
      return status;
    begin = end + 1;
  }
  return settings;
}

ClientOptions ClientOptionsFrom(const Settings& settings) {
  return {static_cast<int32_t>(settings.task_max_retries), static_cast<uint64_t>(settings.inline_limit),
          static_cast<uint64_t>(settings.max_pending_tasks)};
}

Driver::Driver(TraceSink* trace)
    : trace_(trace), application_([this](Message message) { OnApplicationMessage(std::move(message)); }) {}

Result<std::unique_ptr<Driver>> Driver::Connect(DriverOptions options) {
  std::unique_ptr<Driver> driver(new Driver(options.trace));
  if (Status status = driver->Start(std::move(options)); !status.ok()) return status;
  return driver;
}

Status Driver::Start(DriverOptions options) {
  Result<Settings> settings = ParseSettings(FormatSettings(options.settings));
  if (!settings.ok()) return settings.status();
  settings_ = *settings;
  LiveOptions live;
  live.role = "driver";
  live.listen_ip = IpText(options.node_manager);
  live.socket_dir = options.socket_dir;
  live.token = options.token;
  Result<std::unique_ptr<LiveEnv>> env = LiveEnv::Create(live);
  if (!env.ok()) return env.status();
  env_ = std::move(*env);
  CoreWorkerOptions core{.self = env_->address(),
                         .node_manager = options.node_manager,
                         .worker = {},
                         .pid = static_cast<uint32_t>(getpid()),
                         .registration = MakeRegistration(options, env_->address())};
  core_worker_ = std::make_unique<CoreWorker>(*env_, settings_, std::move(core));
  backend_ = std::make_unique<LiveBackend>(*env_, *core_worker_, options.node_manager, trace_);
  env_->SetStateMachine(core_worker_.get());
  env_->SetLocalEndpoint(Address::Application(), &application_);
  env_->StartBackgroundThread();
  const bool answered = env_->Await(ready_, kConnectLimit);
  if (answered && registration_.ok()) {
    client_ = &Client::Open(*backend_, identity_, ClientOptionsFrom(settings_));
    return Status::Ok();
  }
  env_->Acquire();
  const Status why = env_->LastError(options.node_manager);
  env_->Release();
  if (!why.ok())
    return {why.code(), "cannot talk to the node manager at " + ToString(options.node_manager) + ": " + why.message()};
  if (answered) return registration_;
  return {StatusCode::kTimedOut, "the node manager at " + ToString(options.node_manager) + " did not answer"};
}

void Driver::OnApplicationMessage(Message message) {
  switch (message.kind()) {
    case MessageKind::kDriverReady: {
      const auto& ready = message.As<msg::DriverReady>();
      const Status status =
          ready.status() == 0 ? Status::Ok() : Status(static_cast<StatusCode>(ready.status()), ready.message());
      if (registered_) {  // it was; now the node manager is lost
        if (client_ != nullptr) client_->Break(status.message());
        return;
      }
      registered_ = true;
      registration_ = status;
      identity_ = {WorkerId{ready.worker()}, JobId{ready.job()}, NodeId{ready.node()}, env_->address(),
                   ClusterTag(env_->options().token)};
      return env_->Complete(ready_);
    }
    case MessageKind::kDriverClosed: return env_->Complete(closed_);
    default:
      if (client_ != nullptr) client_->OnMessage(std::move(message));
  }
}

void Driver::Close(int status) {
  if (client_ == nullptr) return;
  if (!client_->broken()) {
    Draft<msg::CloseDriver> close;
    close->set_status(static_cast<uint32_t>(status));
    env_->Post(Address::Application(), std::move(close));
    env_->Await(closed_, kCloseLimit);
  }
  Abandon();
}

void Driver::Abandon() {
  if (client_ == nullptr) return;
  client_->Close();
  env_->Stop();
  while (client_->busy()) std::this_thread::yield();  // blocked calls of other threads are on their way out
  client_ = nullptr;
  env_->StopBackgroundThread();
}

std::vector<WorkerId> Driver::BusyWorkers() {
  env_->Acquire();
  std::vector<WorkerId> workers = core_worker_->submitter().BusyWorkers();
  for (WorkerId worker : core_worker_->calls().BusyWorkers()) workers.push_back(worker);
  env_->Release();
  return workers;
}

Driver::~Driver() {
  Close(1);
  env_.reset();
}

}  // namespace orrery::internal
