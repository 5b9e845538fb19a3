#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "runtime/config/cluster_config.h"
#include "runtime/main/autoscaler_start.h"
#include "runtime/main/commands.h"
#include "runtime/main/exit_code.h"
#include "runtime/main/gcs_query.h"
#include "runtime/main/launch.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/providers/node_network.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

namespace {

constexpr Duration kReadyLimit = Duration::Seconds(30);
constexpr double kLaunchedGrace = 10;  // seconds
constexpr Duration kProbeLimit = Duration::Seconds(5);

// The own address that packets to `target` would leave from.
std::string IpTowards(const Address& target) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(IpOf(target));
  name.sin_port = htons(PortOf(target));
  socklen_t size = sizeof name;
  char text[INET_ADDRSTRLEN] = "127.0.0.1";
  if (connect(fd, reinterpret_cast<sockaddr*>(&name), size) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0) {
    inet_ntop(AF_INET, &name.sin_addr, text, sizeof text);
  }
  close(fd);
  return text;
}

// What is wrong with the flags, found before anything is started.
Status Check(const StartOptions& options) {
  for (const Status& status : {TotalResources(options).status(), ParseLabels(options.labels).status(),
                               ParseSettings(options.settings).status()}) {
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

// The head's node manager outlived its GCS, and waits for the next one.
bool HeadNodeLives(const Session& session) {
  const std::vector<DaemonRecord> records = session.Records();
  return std::any_of(records.begin(), records.end(),
                     [](const DaemonRecord& record) { return record.role == "node_manager" && record.head; });
}

void PrintNextSteps(const StartOptions& options, const Launched& node) {
  const std::string prefix =
      getenv("ORRERY_SESSION_DIR") != nullptr ? "ORRERY_SESSION_DIR=" + Session::DefaultFolder() + " " : "";
  std::printf("Local node IP: %s\n\n--------------------\nOrrery runtime started.\n--------------------\n\n",
              options.host.c_str());
  std::printf("Node %s of the cluster at %s\n\nNext steps\n", node.node_name.c_str(), options.address.c_str());
  if (options.head) {
    std::printf("  To add another node to this cluster, run\n    %sorrery start --address=%s\n\n", prefix.c_str(),
                options.address.c_str());
  }
  std::printf("  To see the status of the cluster, run\n    %sorrery status\n\n", prefix.c_str());
  std::printf("  To stop the nodes of this machine, run\n    %sorrery stop\n", prefix.c_str());
  std::fflush(stdout);
}

// Stays until a daemon ends or a signal comes; then ends them all.
int Block(const Session& session, const std::vector<int>& pids) {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&set, number);
  int number = 0, code = kExitOk, status = 0;
  sigwait(&set, &number);
  if (number == SIGCHLD) code = Fail(kExitFailed, "a daemon has ended; stopping the others");
  for (int pid : pids) kill(pid, SIGTERM);
  for (int pid : pids) waitpid(pid, &status, 0);
  EndDaemons(LaunchedNodes(session), kLaunchedGrace);
  session.CleanStale();
  return code;
}

void BlockSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

std::string RunningGcs(const Session& session) {
  for (const DaemonRecord& record : session.Records()) {
    if (record.role == "gcs") return record.gcs_address;
  }
  return "";
}

// The head of nodes in network namespaces listens where these reach it.
Status PrepareNetwork(const Session& session, const Subnet& subnet, StartOptions& options) {
  const NodeNetwork network = NodeNetwork::Of(session.folder(), subnet);
  const std::string running = RunningGcs(session);
  const std::string host = running.empty() ? options.host : running.substr(0, running.find(':'));
  if (!host.empty() && host != network.HeadIp()) {
    return {StatusCode::kInvalidArgument,
            "with network: namespaces the head listens on " + network.HeadIp() + ", not on " + host};
  }
  options.host = network.HeadIp();
  return MakeBridge(network);
}

Status PrepareHead(const Session& session, const std::optional<Subnet>& namespaces, StartOptions& options) {
  for (const DaemonRecord& record : session.Records()) {
    if (record.role != "gcs" || !options.autoscaling_config.empty()) continue;
    return {StatusCode::kAlreadyExists,
            "a head runs already: " + record.gcs_address + ", process " + std::to_string(record.pid) +
                ". Add a node with `orrery start --address=" + record.gcs_address + "`, or stop it with `orrery stop`"};
  }
  if (namespaces) {
    const Status status = PrepareNetwork(session, *namespaces, options);
    if (!status.ok()) return status;
  }
  if (options.host.empty()) options.host = "127.0.0.1";
  if (access(session.gcs_state_file().c_str(), F_OK) != 0) session.RemoveClusterState();
  return session.CreateToken().status();
}

Status PrepareJoin(const Session& session, StartOptions& options) {
  Result<Address> gcs = ParseAddress(options.address);
  if (!gcs.ok()) return {StatusCode::kInvalidArgument, "--address: " + gcs.status().message()};
  options.address = ToString(Address{gcs->endpoint, 0});
  if (options.host.empty()) options.host = IpTowards(*gcs);
  // A clear answer now is better than a daemon that tries for a minute.
  Draft<msg::GetClusterStatus> probe;
  return Ask(session, options.token_file, *gcs, std::move(probe), kProbeLimit).status();
}

// Paths are absolute from here on, since daemons run in the session's folder.
Status MakeAbsolute(std::string& path, const char* flag) {
  if (path.empty()) return Status::Ok();
  char* absolute = realpath(path.c_str(), nullptr);
  if (absolute == nullptr) return {StatusCode::kInvalidArgument, std::string(flag) + ": there is no " + path};
  path = absolute;
  std::free(absolute);
  return Status::Ok();
}

// Files that the flags name; the cluster's configuration has settings for every daemon, which flags may change, and
// says whether its nodes live in network namespaces.
Status ReadFiles(StartOptions& options, std::optional<Subnet>& namespaces) {
  for (Status status : {MakeAbsolute(options.token_file, "--token-file"),
                        MakeAbsolute(options.autoscaling_config, "--autoscaling-config")}) {
    if (!status.ok()) return status;
  }
  if (options.autoscaling_config.empty()) return Status::Ok();
  Result<ClusterConfig> config = LoadClusterConfig(options.autoscaling_config);
  if (!config.ok()) return config.status();
  namespaces = config->provider.namespaces;
  std::vector<std::string> settings;
  for (const auto& [name, value] : config->settings) settings.push_back(name + "=" + value);
  options.settings.insert(options.settings.begin(), settings.begin(), settings.end());
  return Status::Ok();
}

// The daemons of this command, in the order in which they were started.
class Daemons {
 public:
  Daemons(const Session& session, StartOptions& options) : session_(session), options_(options) {
    common_ = {"--host=" + options.host};
    if (!options.token_file.empty()) common_.push_back("--token-file=" + options.token_file);
    if (options.block) common_.push_back("--die-with=" + std::to_string(getpid()));
  }
  const std::vector<int>& pids() const { return pids_; }

  Status StartGcs() {
    const bool continues = access(session_.gcs_state_file().c_str(), F_OK) == 0;
    std::vector<std::string> words = common_;
    words.push_back("--port=" + std::to_string(options_.port));
    for (const std::string& setting : options_.settings) words.push_back("--set=" + setting);
    Result<Launched> gcs = Start("gcs", words);
    if (!gcs.ok()) return gcs.status();
    options_.address = gcs->address.substr(0, gcs->address.find('/'));
    if (continues) {
      std::printf("The cluster at %s continues with a new GCS and what the one before had stored.\n",
                  options_.address.c_str());
    }
    return Status::Ok();
  }
  Result<Launched> StartNode() {
    std::vector<std::string> words = common_;
    words.push_back("--gcs=" + options_.address);
    if (options_.head) words.emplace_back("--head");
    for (const std::string& word : NodeFlags(options_)) words.push_back(word);
    return Start("node", words);
  }
  // Instead of the one that runs, if one does.
  Status StartAutoscaler() {
    if (options_.autoscaling_config.empty()) return Status::Ok();
    EndAutoscaler(session_);
    std::vector<std::string> words = common_;
    words.push_back("--gcs=" + options_.address);
    words.push_back("--config=" + options_.autoscaling_config);
    for (const std::string& setting : options_.settings) words.push_back("--set=" + setting);
    return Start("autoscaler", words).status();
  }
  void EndAll() {
    for (int pid : pids_) kill(pid, SIGTERM);
    for (int pid : pids_) waitpid(pid, nullptr, 0);
  }

 private:
  Result<Launched> Start(const std::string& role, const std::vector<std::string>& words) {
    Result<Launched> launched = LaunchDaemon(role, words, session_.folder(), kReadyLimit);
    if (launched.ok()) pids_.push_back(launched->pid);
    return launched;
  }
  const Session& session_;
  StartOptions& options_;
  std::vector<std::string> common_;
  std::vector<int> pids_;
};

int GiveUp(Daemons& daemons, const Status& status) {
  daemons.EndAll();
  return Fail(status.code() == StatusCode::kTimedOut ? kExitTimedOut : kExitFailed, status.message());
}

}  // namespace

int StartCommand(StartOptions options) {
  if (options.head == !options.address.empty()) {
    return Fail(kExitUsage, "start needs either --head (a new cluster) or --address HOST:PORT (one to join)");
  }
  if (!options.head && !options.autoscaling_config.empty())
    return Fail(kExitUsage, "--autoscaling-config: the autoscaler runs on the head; give it with --head");
  std::optional<Subnet> namespaces;
  if (Status status = ReadFiles(options, namespaces); !status.ok()) return Fail(kExitUsage, status.message());
  if (Status status = Check(options); !status.ok()) return Fail(status);
  Result<Session> session = Session::Open();
  if (!session.ok()) return Fail(kExitFailed, session.status().message());
  session->CleanStale();
  Status status = options.head ? PrepareHead(*session, namespaces, options) : PrepareJoin(*session, options);
  if (!status.ok()) return Fail(status);

  if (options.block) BlockSignals();
  Daemons daemons(*session, options);
  const std::string running = options.head ? RunningGcs(*session) : "";
  if (!running.empty()) {
    options.address = running;
  } else if (options.head) {
    if (status = daemons.StartGcs(); !status.ok()) return GiveUp(daemons, status);
  }
  if (options.head && HeadNodeLives(*session)) {
    if (status = daemons.StartAutoscaler(); !status.ok()) return Fail(kExitFailed, status.message());
    if (!running.empty())
      std::printf("The cluster at %s has a new autoscaler, which continues with its instances.\n", running.c_str());
    return options.block ? Block(*session, daemons.pids()) : kExitOk;
  }
  Result<Launched> node = daemons.StartNode();
  status = node.ok() ? daemons.StartAutoscaler() : node.status();
  if (!status.ok()) return GiveUp(daemons, status);
  PrintNextSteps(options, *node);
  return options.block ? Block(*session, daemons.pids()) : kExitOk;
}

}  // namespace orrery
