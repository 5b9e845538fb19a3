#include "runtime/providers/local_provider.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>
#include <utility>

#include "runtime/common/node_flags.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/live_env_internal.h"
#include "runtime/transport/local_nodes.h"
#include "runtime/transport/session.h"
#include "runtime/transport/spawn.h"

namespace orrery {

namespace {

constexpr const char* kPrefix = "local-";
constexpr uint64_t kFirstTimer = uint64_t{1} << 33;  // apart from those of other endpoints

std::string CloudIdOf(uint64_t instance) { return kPrefix + std::to_string(instance); }

// 0 for what is none of ours.
uint64_t InstanceOf(const std::string& cloud_id) {
  uint64_t instance = 0;
  if (!cloud_id.starts_with(kPrefix)) return 0;
  const char* begin = cloud_id.data() + std::strlen(kPrefix);
  const auto [end, error] = std::from_chars(begin, cloud_id.data() + cloud_id.size(), instance);
  return error == std::errc() && end == cloud_id.data() + cloud_id.size() ? instance : 0;
}

}  // namespace

class LocalProvider::Impl {
 public:
  Impl(LiveEnv& env, LocalProviderOptions options, Session session)
      : env_(env), options_(std::move(options)), session_(std::move(session)) {}
  ~Impl();
  void OnLaunch(const msg::LaunchInstances& request);
  void OnTerminate(const msg::TerminateInstances& request);
  void OnList(const msg::ListInstances& request);
  // Hears of the ends of nodes that run already.
  void Adopt();

 private:
  struct Watched {
    int pid = 0;
    int pidfd = -1;
    std::string node_type;
    bool terminating = false;
  };
  Status Launch(const std::string& type, uint64_t instance);
  void Watch(uint64_t instance, int pid, const std::string& type);
  void OnExit(uint64_t instance);
  // Removes what a killed process leaves.
  void Sweep(const Watched& node);
  std::string FileOf(uint64_t instance) const { return session_.instance_dir() + "/" + std::to_string(instance); }

  LiveEnv& env_;
  const LocalProviderOptions options_;
  const Session session_;
  std::map<uint64_t, Watched> nodes_;  // living
};

LocalProvider::Impl::~Impl() {
  for (auto& [instance, node] : nodes_) {
    env_.impl().CancelCall(kFirstTimer + instance);
    env_.impl().Unwatch(node.pidfd);
    close(node.pidfd);
  }
}

void LocalProvider::Impl::Adopt() {
  for (const auto& [instance, process] : FindLocalNodes(options_.session_dir)) {
    if (nodes_.count(instance) == 0) Watch(instance, process.pid, process.node_type);
  }
}

void LocalProvider::Impl::Watch(uint64_t instance, int pid, const std::string& type) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return;  // gone already
  nodes_[instance] = {pid, pidfd, type, false};
  env_.impl().WatchReadable(pidfd, [this, instance] { OnExit(instance); });
}

void LocalProvider::Impl::OnExit(uint64_t instance) {
  const Watched node = nodes_.at(instance);
  nodes_.erase(instance);
  env_.impl().CancelCall(kFirstTimer + instance);
  Sweep(node);
  Draft<msg::InstanceEvent> event;
  event->set_cloud_id(CloudIdOf(instance));
  event->set_gone(true);
  env_.Post(Address::Provider(), std::move(event));
}

void LocalProvider::Impl::Sweep(const Watched& node) {
  kill(-node.pid, SIGKILL);             // what it has started and left
  waitpid(node.pid, nullptr, WNOHANG);  // of those that a predecessor started, the system is the parent
  close(node.pidfd);
  session_.CleanStale();
}

Status LocalProvider::Impl::Launch(const std::string& type, uint64_t instance) {
  const auto known = options_.types.find(type);
  if (known == options_.types.end())
    return {StatusCode::kInvalidArgument, "the provider knows no node type '" + type + "'"};
  if (access(FileOf(instance).c_str(), F_OK) == 0) return Status::Ok();
  const auto quota = static_cast<size_t>(options_.max_instances);
  if (quota > 0 && nodes_.size() >= quota)
    return {StatusCode::kUnavailable, "the quota of " + std::to_string(quota) + " instances is used up"};
  const int file = open(FileOf(instance).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return {StatusCode::kUnavailable, "cannot make " + FileOf(instance) + ": " + std::strerror(errno)};
  close(file);
  Labels labels = known->second.labels;
  labels[kNodeTypeLabel] = type;
  labels[kInstanceLabel] = std::to_string(instance);
  const std::string name = type + "-" + std::to_string(instance);
  std::vector<std::string> words = {options_.executable, "daemon", "node", "--session=" + options_.session_dir};
  words.insert(words.end(), options_.common.begin(), options_.common.end());
  words.push_back("--host=" + (options_.network ? options_.network->IpOf(instance) : options_.host));
  if (options_.network) words.push_back("--namespace=" + NamespaceFlag(*options_.network, instance));
  for (std::string& word : NodeFlags(known->second.resources, labels, name)) words.push_back(std::move(word));
  pid_t pid = 0;
  const int error = Spawn({.words = words,
                           .folder = options_.session_dir,  // holds no other folder in use
                           .log = session_.log_dir() + "/node-" + name + ".log",
                           .session = true},
                          &pid);
  if (error != 0) {
    unlink(FileOf(instance).c_str());
    return {StatusCode::kUnavailable, "cannot start " + options_.executable + ": " + std::strerror(error)};
  }
  Watch(instance, pid, type);
  return Status::Ok();
}

void LocalProvider::Impl::OnLaunch(const msg::LaunchInstances& request) {
  Draft<msg::InstancesLaunched> reply;
  reply->set_request(request.request());
  for (const uint64_t instance : request.instances()) {
    const Status status = Launch(request.node_type(), instance);
    msg::LaunchOutcome* outcome = reply->add_outcomes();
    outcome->set_instance(instance);
    outcome->set_status(static_cast<uint32_t>(status.code()));
    if (status.ok())
      outcome->set_cloud_id(CloudIdOf(instance));
    else
      outcome->set_message(status.message());
  }
  env_.Post(Address::Provider(), std::move(reply));
}

void LocalProvider::Impl::OnTerminate(const msg::TerminateInstances& request) {
  Draft<msg::InstancesTerminated> reply;
  reply->set_request(request.request());
  for (const std::string& cloud_id : request.cloud_ids()) {
    reply->add_cloud_ids(cloud_id);
    const uint64_t instance = InstanceOf(cloud_id);
    const auto node = nodes_.find(instance);
    if (node == nodes_.end() || std::exchange(node->second.terminating, true)) continue;
    kill(node->second.pid, SIGTERM);
    env_.impl().CallLater(kFirstTimer + instance, options_.grace, [this, instance] {
      if (const auto late = nodes_.find(instance); late != nodes_.end()) kill(-late->second.pid, SIGKILL);
    });
  }
  env_.Post(Address::Provider(), std::move(reply));
}

void LocalProvider::Impl::OnList(const msg::ListInstances& request) {
  Draft<msg::InstanceList> list;
  list->set_request(request.request());
  list->set_max_instances(static_cast<uint64_t>(options_.max_instances));
  std::set<int> joined;
  for (const DaemonRecord& record : session_.Records()) joined.insert(record.pid);
  for (const auto& [instance, node] : nodes_) {
    msg::CloudInstance* row = list->add_instances();
    row->set_cloud_id(CloudIdOf(instance));
    row->set_instance(instance);
    row->set_node_type(node.node_type);
    row->set_running(joined.count(node.pid) != 0);
    row->set_terminating(node.terminating);
  }
  env_.Post(Address::Provider(), std::move(list));
}

LocalProvider::LocalProvider(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalProvider::~LocalProvider() = default;

Result<std::unique_ptr<LocalProvider>> LocalProvider::Create(LiveEnv& env, LocalProviderOptions options) {
  Result<Session> session = Session::Open(options.session_dir);
  if (!session.ok()) return session.status();
  if (mkdir(session->instance_dir().c_str(), 0700) != 0 && errno != EEXIST)
    return Status(StatusCode::kUnavailable, "cannot make " + session->instance_dir() + ": " + std::strerror(errno));
  auto impl = std::make_unique<Impl>(env, std::move(options), std::move(*session));
  impl->Adopt();
  return std::unique_ptr<LocalProvider>(new LocalProvider(std::move(impl)));
}

void LocalProvider::OnMessage(Message message) {
  switch (message.kind()) {
    case MessageKind::kLaunchInstances: return impl_->OnLaunch(message.As<msg::LaunchInstances>());
    case MessageKind::kTerminateInstances: return impl_->OnTerminate(message.As<msg::TerminateInstances>());
    case MessageKind::kListInstances: return impl_->OnList(message.As<msg::ListInstances>());
    default: ORRERY_ASSERT_MSG(false, "not a message to a provider");
  }
}

}  // namespace orrery
