#include "tests/live/faults/live_cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <thread>

extern char** environ;

namespace orrery::test {

namespace fs = std::filesystem;

bool Eventually(const std::function<bool()>& condition, const std::string& what) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "did not happen within a minute: " << what;
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

namespace {

/// The file's bytes; fewer, or none, where it cannot be read: a process may end while its /proc files are open (ESRCH).
std::string ReadAll(const fs::path& path) {
  std::string bytes;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return bytes;
  char part[4096];
  for (ssize_t got; (got = read(file, part, sizeof(part))) > 0;) bytes.append(part, static_cast<size_t>(got));
  close(file);
  return bytes;
}

}  // namespace

bool ProcessLives(int pid) {
  const std::string stat = ReadAll("/proc/" + std::to_string(pid) + "/stat");
  const size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && name_end + 2 < stat.size() && stat[name_end + 2] != 'Z' &&
         stat[name_end + 2] != 'X';
}

std::vector<int> ProcessesOf(const std::string& session_dir) {
  std::vector<int> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename().string();
    int pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    if (pid <= 0 || pid == getpid() || !ProcessLives(pid)) continue;
    const bool named =
        ReadAll(entry.path() / "environ").find("ORRERY_SESSION_DIR=" + session_dir) != std::string::npos ||
        ReadAll(entry.path() / "cmdline").find("--session=" + session_dir) != std::string::npos;
    if (named) found.push_back(pid);
  }
  return found;
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename().string());
  return names;
}

namespace {

std::vector<LocalNode> NodesOf(const std::vector<double>& cpus) {
  std::vector<LocalNode> nodes;
  for (double count : cpus) nodes.push_back({.resources = ResourceSet::Cpu(count)});
  return nodes;
}

}  // namespace

LiveCluster::LiveCluster(std::initializer_list<double> cpus, std::map<std::string, std::string> settings)
    : LiveCluster(NodesOf(cpus), std::move(settings)) {}

LiveCluster::LiveCluster(std::vector<LocalNode> nodes, std::map<std::string, std::string> settings) {
  std::string folder = "/tmp/orrery-live-test-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) std::abort();
  session_dir_ = folder;
  fs::create_directory(notes());
  setenv("ORRERY_SESSION_DIR", session_dir_.c_str(), 1);
  LocalClusterOptions options;
  options.nodes = std::move(nodes);
  options.settings = std::move(settings);
  options.session_dir = session_dir_;
  Result<std::unique_ptr<LocalCluster>> cluster = LocalCluster::Start(std::move(options));
  if (!cluster.ok()) {
    std::fprintf(stderr, "cannot start a cluster: %s\n", cluster.status().message().c_str());
    std::abort();
  }
  cluster_ = std::move(*cluster);
  setenv("ORRERY_ADDRESS", cluster_->address().c_str(), 1);
}

LiveCluster::~LiveCluster() {
  cluster_->Stop();
  Eventually([this] { return ProcessesOf(session_dir_).empty(); }, "every process of the session ends");
  for (const char* folder : {"/records", "/sockets", "/spill"}) {
    const std::vector<std::string> left = FilesIn(session_dir_ + folder);
    EXPECT_TRUE(left.empty()) << left.size() << " files left in " << folder << ", e.g. " << left.front();
  }
  fs::remove_all(session_dir_);
  cluster_.reset();
  EXPECT_FALSE(fs::exists(session_dir_)) << "a cluster that has stopped makes nothing any more";
  unsetenv("ORRERY_SESSION_DIR");
  unsetenv("ORRERY_ADDRESS");
}

std::vector<int> LiveCluster::Workers() const {
  std::vector<int> all;
  for (size_t node = 0; node < cluster_->node_count(); ++node) {
    for (const auto& [worker, pid] : cluster_->WorkerPids(node)) all.push_back(pid);
  }
  return all;
}

int StartDriverProcess(const std::string& role) {
  std::string path = fs::read_symlink("/proc/self/exe").string();
  std::string flag = "--role=" + role;
  char* arguments[] = {path.data(), flag.data(), nullptr};
  int pid = 0;
  return posix_spawn(&pid, path.c_str(), nullptr, nullptr, arguments, environ) == 0 ? pid : -1;
}

}  // namespace orrery::test
