#include "runtime/api/local_cluster.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "runtime/api/spawn_daemon.h"
#include "runtime/common/assert.h"
#include "runtime/common/node_flags.h"
#include "runtime/common/time.h"
#include "runtime/transport/local_nodes.h"
#include "runtime/transport/session.h"

namespace orrery {

namespace fs = std::filesystem;

namespace {

constexpr const char* kClusterFile = "/cluster.yaml";
constexpr const char* kFolderStem = "orrery-local-";
constexpr Duration kGrace = Duration::Seconds(5);

void Nap() {
  const timespec nap{0, 2'000'000};
  nanosleep(&nap, nullptr);
}

// Folders of clusters whose program was killed before it could remove them: "orrery-local-UID-PID-XXXXXX".
void SweepFolders(const fs::path& base) {
  const std::string stem = kFolderStem + std::to_string(geteuid()) + "-";
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(base, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(stem)) continue;
    int pid = 0;
    std::from_chars(name.data() + stem.size(), name.data() + name.size(), pid);
    if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH) continue;
    // Its daemons may still be on their way out.
    Result<Session> session = Session::Open(entry.path().string());
    if (session.ok() && session->Records().empty()) fs::remove_all(entry.path(), ignored);
  }
}

std::string FreshFolder() {
  const char* chosen = std::getenv("TMPDIR");
  // A UNIX socket's path has at most 107 bytes.
  const std::string base = chosen != nullptr && *chosen != '\0' && std::strlen(chosen) < 50 ? chosen : "/tmp";
  SweepFolders(base);
  std::string path = base + "/" + kFolderStem + std::to_string(geteuid()) + "-" + std::to_string(getpid()) + "-XXXXXX";
  return mkdtemp(path.data()) == nullptr ? "" : path;
}

}  // namespace

struct LocalCluster::Impl {
  std::string session_dir;
  bool own_folder = false;
  bool stopped = false;
  std::string address;
  std::vector<std::string> common;  // arguments of every daemon
  std::map<std::string, std::string> gcs_environment;
  int gcs_pid = 0, autoscaler_pid = 0;
  std::vector<int> node_pids;       // 0: killed

  void Kill(int& pid) {
    if (pid == 0) return;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    pid = 0;
  }
  // SIGTERM to all, SIGKILL to who is left after the grace time.
  void End(std::vector<int*> pids) {
    for (int* pid : pids) {
      if (*pid != 0) kill(*pid, SIGTERM);
    }
    for (int64_t waited = 0; waited < kGrace.ns; waited += 2'000'000) {
      for (int* pid : pids) {
        if (*pid != 0 && waitpid(*pid, nullptr, WNOHANG) != 0) *pid = 0;
      }
      if (std::all_of(pids.begin(), pids.end(), [](const int* pid) { return *pid == 0; })) return;
      Nap();
    }
    for (int* pid : pids) Kill(*pid);
  }
  // The same for nodes that the autoscaler has launched, which are nobody's children now.
  void EndLaunched() const {
    for (const int signal : {SIGTERM, SIGKILL}) {
      for (const auto& [instance, node] : FindLocalNodes(session_dir)) kill(node.pid, signal);
      for (int64_t waited = 0; waited < kGrace.ns && !FindLocalNodes(session_dir).empty(); waited += 2'000'000) Nap();
    }
  }
};

LocalCluster::LocalCluster(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalCluster::~LocalCluster() { Stop(); }

Result<std::unique_ptr<LocalCluster>> LocalCluster::Start(LocalClusterOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->own_folder = options.session_dir.empty();
  impl->session_dir = impl->own_folder ? FreshFolder() : options.session_dir;
  if (impl->session_dir.empty())
    return Status(StatusCode::kUnavailable, std::string("cannot make a session folder: ") + std::strerror(errno));
  std::unique_ptr<LocalCluster> cluster(new LocalCluster(std::move(impl)));  // from here on its destructor cleans up
  Impl& own = *cluster->impl_;
  Result<Session> session = Session::Open(own.session_dir);
  if (!session.ok()) return session.status();
  if (Status status = session->CreateToken().status(); !status.ok()) return status;
  own.common = {"--session=" + own.session_dir, "--host=127.0.0.1", "--die-with=" + std::to_string(getpid())};
  for (const auto& [name, value] : options.settings) own.common.push_back("--set=" + name + "=" + value);
  own.gcs_environment = options.gcs_environment;
  if (Status status = cluster->StartGcs(); !status.ok()) return status;
  for (const LocalNode& node : options.nodes) {
    if (Result<size_t> added = cluster->AddNode(node); !added.ok()) return added.status();
  }
  if (options.cluster_file.empty()) return cluster;
  std::ofstream(own.session_dir + kClusterFile) << options.cluster_file;
  if (Status status = cluster->StartAutoscaler(); !status.ok()) return status;
  return cluster;
}

Status LocalCluster::StartAutoscaler() {
  ORRERY_ASSERT(impl_->autoscaler_pid == 0);
  std::vector<std::string> words = impl_->common;
  words.push_back("--gcs=" + impl_->address);
  words.push_back("--config=" + impl_->session_dir + kClusterFile);
  Result<internal::StartedDaemon> started = internal::SpawnDaemon("autoscaler", words, {}, impl_->session_dir);
  if (!started.ok()) return started.status();
  impl_->autoscaler_pid = started->pid;
  return Status::Ok();
}

Status LocalCluster::StartGcs() {
  ORRERY_ASSERT(impl_->gcs_pid == 0);
  std::vector<std::string> words = impl_->common;
  words.push_back("--port=0");
  Result<internal::StartedDaemon> gcs = internal::SpawnDaemon("gcs", words, impl_->gcs_environment, impl_->session_dir);
  if (!gcs.ok()) return gcs.status();
  impl_->gcs_pid = gcs->pid;
  impl_->address = gcs->address.substr(0, gcs->address.find('/'));
  return Status::Ok();
}

Result<size_t> LocalCluster::AddNode(const LocalNode& node) {
  std::vector<std::string> words = impl_->common;
  words.push_back("--gcs=" + impl_->address);
  if (impl_->node_pids.empty()) words.emplace_back("--head");
  for (std::string& word : NodeFlags(node.resources, node.labels, node.name)) words.push_back(std::move(word));
  Result<internal::StartedDaemon> started = internal::SpawnDaemon("node", words, node.environment, impl_->session_dir);
  if (!started.ok()) return started.status();
  impl_->node_pids.push_back(started->pid);
  return impl_->node_pids.size() - 1;
}

void LocalCluster::Stop() {
  if (std::exchange(impl_->stopped, true)) return;
  impl_->End({&impl_->autoscaler_pid});  // it would replace nodes
  impl_->EndLaunched();
  std::vector<int*> nodes;
  for (int& pid : impl_->node_pids) nodes.push_back(&pid);
  impl_->End(nodes);
  impl_->End({&impl_->gcs_pid});
  // What processes left that were killed.
  if (Result<Session> session = Session::Open(impl_->session_dir); session.ok()) {
    session->CleanStale();
    session->RemoveClusterState();
  }
  if (!impl_->own_folder || impl_->session_dir.empty()) return;
  std::error_code ignored;
  fs::remove_all(impl_->session_dir, ignored);
}

const std::string& LocalCluster::session_dir() const { return impl_->session_dir; }
const std::string& LocalCluster::address() const { return impl_->address; }
size_t LocalCluster::node_count() const { return impl_->node_pids.size(); }
int LocalCluster::NodePid(size_t index) const { return impl_->node_pids.at(index); }
int LocalCluster::GcsPid() const { return impl_->gcs_pid; }
std::map<WorkerId, int> LocalCluster::WorkerPids(size_t index) const {
  const int pid = impl_->node_pids.at(index);
  return pid == 0 ? std::map<WorkerId, int>() : internal::WorkersOf(pid);
}
void LocalCluster::KillNode(size_t index) { impl_->Kill(impl_->node_pids.at(index)); }
void LocalCluster::KillGcs() { impl_->Kill(impl_->gcs_pid); }
int LocalCluster::AutoscalerPid() const { return impl_->autoscaler_pid; }
void LocalCluster::KillAutoscaler() { impl_->Kill(impl_->autoscaler_pid); }

}  // namespace orrery
