#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "runtime/main/commands.h"
#include "runtime/main/exit_code.h"
#include "runtime/main/gcs_query.h"
#include "runtime/main/launch.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/endpoint.h"

namespace orrery {

namespace {

constexpr Duration kReadyLimit = Duration::Seconds(30);
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
int Block(const std::vector<int>& pids) {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&set, number);
  int number = 0, code = kExitOk, status = 0;
  sigwait(&set, &number);
  if (number == SIGCHLD) code = Fail(kExitFailed, "a daemon has ended; stopping the others");
  for (int pid : pids) kill(pid, SIGTERM);
  for (int pid : pids) waitpid(pid, &status, 0);
  return code;
}

void BlockSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

Status PrepareHead(const Session& session, StartOptions& options) {
  for (const DaemonRecord& record : session.Records()) {
    if (record.role != "gcs") continue;
    return {StatusCode::kAlreadyExists,
            "a head runs already: " + record.gcs_address + ", process " + std::to_string(record.pid) +
                ". Add a node with `orrery start --address=" + record.gcs_address + "`, or stop it with `orrery stop`"};
  }
  if (options.host.empty()) options.host = "127.0.0.1";
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

}  // namespace

int StartCommand(StartOptions options) {
  if (options.head == !options.address.empty()) {
    return Fail(kExitUsage, "start needs either --head (a new cluster) or --address HOST:PORT (one to join)");
  }
  if (Status status = Check(options); !status.ok()) return Fail(status);
  Result<Session> session = Session::Open();
  if (!session.ok()) return Fail(kExitFailed, session.status().message());
  session->CleanStale();
  if (!options.token_file.empty()) {
    char* absolute = realpath(options.token_file.c_str(), nullptr);
    if (absolute == nullptr) return Fail(kExitUsage, "--token-file: there is no " + options.token_file);
    options.token_file = absolute;
    std::free(absolute);
  }
  Status status = options.head ? PrepareHead(*session, options) : PrepareJoin(*session, options);
  if (!status.ok()) return Fail(status);

  if (options.block) BlockSignals();
  std::vector<std::string> common = {"--host=" + options.host};
  if (!options.token_file.empty()) common.push_back("--token-file=" + options.token_file);
  if (options.block) common.push_back("--die-with=" + std::to_string(getpid()));
  std::vector<int> pids;
  if (options.head) {
    const bool continues = access(session->gcs_state_file().c_str(), F_OK) == 0;
    std::vector<std::string> words = common;
    words.push_back("--port=" + std::to_string(options.port));
    for (const std::string& setting : options.settings) words.push_back("--set=" + setting);
    Result<Launched> gcs = LaunchDaemon("gcs", words, session->folder(), kReadyLimit);
    if (!gcs.ok()) return Fail(kExitFailed, gcs.status().message());
    options.address = gcs->address.substr(0, gcs->address.find('/'));
    pids.push_back(gcs->pid);
    if (continues) {
      std::printf("The cluster at %s continues with a new GCS and what the one before had stored.\n",
                  options.address.c_str());
    }
    if (HeadNodeLives(*session)) {
      return options.block ? Block(pids) : kExitOk;
    }
  }
  std::vector<std::string> words = common;
  words.push_back("--gcs=" + options.address);
  if (options.head) words.emplace_back("--head");
  for (const std::string& word : NodeFlags(options)) words.push_back(word);
  Result<Launched> node = LaunchDaemon("node", words, session->folder(), kReadyLimit);
  if (!node.ok()) {
    for (int pid : pids) kill(pid, SIGTERM);
    for (int pid : pids) waitpid(pid, nullptr, 0);
    return Fail(node.status().code() == StatusCode::kTimedOut ? kExitTimedOut : kExitFailed, node.status().message());
  }
  pids.push_back(node->pid);
  PrintNextSteps(options, *node);
  return options.block ? Block(pids) : kExitOk;
}

}  // namespace orrery
