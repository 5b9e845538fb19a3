// The orrery command: starts and stops clusters, shows them, and hands simulation and replay to the programs beside it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>

#include "runtime/main/commands.h"
#include "runtime/main/daemon.h"
#include "runtime/main/exit_code.h"
#include "runtime/main/launch.h"

namespace orrery {
namespace {

constexpr const char* kFooter = R"(A cluster on this machine in three commands:
  orrery start --head                          one head node
  orrery start --address=127.0.0.1:6379        one more node (as often as you like)
  orrery status

A cluster that grows and shrinks with its load:
  orrery up cluster.yaml                       head, autoscaler and provider of one file (orrery down ends it)

What would have happened:
  orrery sim run scenarios/quickstart.yaml     the same control plane, simulated
  orrery live run scenarios/quickstart.yaml    the same scenario on real processes

Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 cannot reach the cluster, 4 time-out.
Daemons keep records, sockets, logs and the cluster token in $ORRERY_SESSION_DIR, else $XDG_RUNTIME_DIR/orrery, else
/tmp/orrery-<uid>.)";

const std::vector<std::string> kCommands = {
    "start",   "up",   "down", "status", "memory", "stop", "settings", "sim", "request-resources",
    "explain", "plan", "live"};

// Never returns when the program is there.
int Exec(const char* name, char** arguments) {
  const std::string path = Beside(name);
  arguments[0] = const_cast<char*>(path.c_str());
  execv(path.c_str(), arguments);
  return Fail(kExitFailed, std::string("cannot run ") + path + ": " + std::strerror(errno));
}

// What CLI11 found wrong, and what may have been meant.
int UsageError(CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // help and version
  std::string message = error.what();
  CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  for (const std::string& word : app.remaining(true)) {
    std::vector<std::string> known;
    if (word.rfind('-', 0) == 0) {
      for (const CLI::Option* option : at->get_options()) {
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
      }
    } else if (at == &app) {
      known = kCommands;
    }
    const std::string nearest = NearestName(word.substr(0, word.find('=')), known);
    message = "unknown " + std::string(word[0] == '-' ? "flag" : "word") + " '" + word + "'" +
              (nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
    break;
  }
  return Fail(kExitUsage, message + "\nTry: orrery " + (at == &app ? "" : at->get_name() + " ") + "--help");
}

void AddStart(CLI::App& app, StartOptions& options) {
  CLI::App* start = app.add_subcommand("start", "Start a head, or a node that joins a cluster");
  start->add_flag("--head", options.head, "start a new cluster here: the global control service and the first node");
  start->add_option("--address", options.address, "HOST:PORT of the cluster to join");
  start->add_option("--port", options.port, "port of the head (0: any free one)")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  start->add_option("--host", options.host,
                    "IPv4 address to listen on (default: 127.0.0.1; when joining, the one facing the head)");
  AddNodeFlags(*start, options);
  start->add_option("--token-file", options.token_file,
                    "file with the cluster token (default: that of the session folder)");
  start->add_option("--autoscaling-config", options.autoscaling_config,
                    "cluster file (YAML): starts the autoscaler, too; on a running head, only that");
  start->add_flag("--block", options.block, "stay in the foreground; Ctrl-C stops what was started");
  start->footer(
      "Examples:\n  orrery start --head --num-cpus 4 --port 7000\n  orrery start --address=10.0.0.1:6379 --labels "
      "zone=a"
      "\n  orrery start --head --set worker_idle_timeout=10s\nTo join from another machine, copy the head's token file "
      "there (mode 0600) and name it with --token-file.");
}

void AddUpAndDown(CLI::App& app, UpOptions& up, DownOptions& down) {
  CLI::App* raise = app.add_subcommand("up", "Start a cluster as a file describes it: head, autoscaler, provider");
  raise->add_option("FILE", up.file, "cluster file (YAML); README.md lists its keys")->required();
  raise->add_flag("--dry-run", up.dry_run, "check the file and say what would be started");
  raise->add_option("--host", up.host, "IPv4 address to listen on (default: 127.0.0.1)");
  raise->add_option("--port", up.port, "port of the head (0: any free one)")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  raise->add_flag("--block", up.block, "stay in the foreground; Ctrl-C stops what was started");
  CLI::App* lower =
      app.add_subcommand("down", "End a cluster: its autoscaler, all that the provider launched, the head");
  lower->add_option("FILE", down.file, "cluster file (YAML)")->required();
  lower->add_option("--timeout", down.timeout, "seconds to wait for the provider")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

void AddRequestResources(CLI::App& app, RequestResourcesOptions& options) {
  CLI::App* command = app.add_subcommand("request-resources", "Have the autoscaler keep resources there, used or not");
  command->add_option("--num-cpus", options.num_cpus, "so many CPUs, wherever they are");
  command->add_option("--bundles", options.bundles, R"(JSON list, each on one node, e.g. '[{"CPU": 4}, {"GPU": 1}]')");
  command->add_option("--job", options.job, "number of the job with which the request ends (default: nobody's)");
  command->add_option("--expires", options.expires, "how long it holds, e.g. 10m (default: until replaced)");
  command->add_flag("--clear", options.clear, "take the request back");
  command->add_option("--address", options.address, "HOST:PORT of the cluster (default: the one that runs here)");
  command->add_option("--token-file", options.token_file, "file with the cluster token");
}

void AddExplain(CLI::App& app, ExplainOptions& options) {
  CLI::App* explain = app.add_subcommand("explain", "Say why: orrery explain autoscaler")->require_subcommand(1);
  CLI::App* what =
      explain->add_subcommand("autoscaler", "What the autoscaler did, and what keeps nodes or lets work wait");
  what->add_option("FOLDER", options.folder, "result folder (default: the cluster of this session)");
  what->add_option("--at", options.at, "when: a duration since the run began or, of the cluster, so long ago");
  what->add_option("--format", options.format, "text or json")->check(CLI::IsMember({"text", "json"}));
}

// What all commands that ask a cluster share.
void AddQuestion(CLI::App& command, StatusOptions& options) {
  command.add_option("--address", options.address,
                     "HOST:PORT of the cluster (default: $ORRERY_ADDRESS, else the one that runs here)");
  command.add_option("--format", options.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command.add_option("--timeout", options.timeout, "seconds to wait for an answer")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--token-file", options.token_file,
                     "file with the cluster token (default: that of the session folder)");
}

void AddStatus(CLI::App& app, StatusOptions& options) {
  CLI::App* status = app.add_subcommand("status", "Show nodes, resources, demands and jobs of a cluster");
  AddQuestion(*status, options);
  status->add_flag("--watch{2}", options.watch, "repeat every two seconds, or --watch=SECONDS");
}

void AddMemory(CLI::App& app, StatusOptions& options) {
  AddQuestion(*app.add_subcommand("memory", "Show large objects: owner, size, where they are, and why they are alive"),
              options);
}

void AddStop(CLI::App& app, StopOptions& options) {
  CLI::App* stop = app.add_subcommand("stop", "Stop the daemons of this machine, in order");
  CLI::Option* all = stop->add_flag("--all", options.all, "stop the nodes on other machines, too");
  stop->add_option("--node", options.node, "stop only the node of this name, wherever it runs")->excludes(all);
  stop->add_option("--grace", options.grace, "seconds between SIGTERM and SIGKILL")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

// Not for people: how start runs the daemons.
void AddDaemons(CLI::App& app, DaemonOptions& options) {
  CLI::App* daemon = app.add_subcommand("daemon", "")->group("")->require_subcommand(1);
  for (const char* role : {"gcs", "node", "autoscaler"}) {
    CLI::App* sub = daemon->add_subcommand(role, "");
    sub->add_option("--session", options.session_dir)->required();
    sub->add_option("--ready-fd", options.ready_fd);
    sub->add_option("--die-with", options.parent_pid);
    sub->add_option("--host", options.start.host)->required();
    sub->add_option("--token-file", options.start.token_file);
    if (std::strcmp(role, "gcs") == 0) sub->add_option("--port", options.start.port);
    if (std::strcmp(role, "gcs") != 0) sub->add_option("--gcs", options.start.address)->required();
    if (std::strcmp(role, "node") == 0) sub->add_option("--namespace", options.start.network_namespace);
    if (std::strcmp(role, "autoscaler") == 0) sub->add_option("--config", options.start.autoscaling_config)->required();
    sub->add_flag("--head", options.start.head);
    AddNodeFlags(*sub, options.start);
  }
}

int Main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "sim") == 0) return Exec("orrery-sim", argv + 1);
  if (argc > 1 && std::strcmp(argv[1], "plan") == 0) return Exec("orrery-sim", argv);
  if (argc > 1 && std::strcmp(argv[1], "live") == 0) return Exec("orrery-live", argv + 1);
  CLI::App app(
      "Orrery runs Ray-style programs on a cluster, and the same control plane inside a deterministic simulation.",
      "orrery");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("orrery ") + ORRERY_VERSION);
  app.footer(kFooter);
  StartOptions start;
  StatusOptions status, memory;
  StopOptions stop;
  UpOptions up;
  DownOptions down;
  RequestResourcesOptions request;
  ExplainOptions explain;
  DaemonOptions daemon;
  std::string format = "text";
  AddStart(app, start);
  AddStatus(app, status);
  AddMemory(app, memory);
  AddStop(app, stop);
  AddUpAndDown(app, up, down);
  AddRequestResources(app, request);
  AddExplain(app, explain);
  app.add_subcommand("settings", "List every setting, its default and its unit")
      ->add_option("--format", format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_subcommand("sim", "Simulate scenarios: run, explore, diff … (orrery sim --help)");
  app.add_subcommand("plan", "Find the cheapest cluster that meets SLOs (orrery plan --help)");
  app.add_subcommand("live", "Run scenarios on real processes (orrery live --help)");
  AddDaemons(app, daemon);
  if (argc == 1) {
    std::fputs(app.help().c_str(), stderr);
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error);
  }
  const CLI::App* chosen = app.get_subcommands().front();
  if (chosen->get_name() == "start") return StartCommand(start);
  if (chosen->get_name() == "status") return StatusCommand(status);
  if (chosen->get_name() == "memory") return MemoryCommand(memory);
  if (chosen->get_name() == "stop") return StopCommand(stop);
  if (chosen->get_name() == "up") return UpCommand(up);
  if (chosen->get_name() == "down") return DownCommand(down);
  if (chosen->get_name() == "request-resources") return RequestResourcesCommand(request);
  if (chosen->get_name() == "explain") return ExplainAutoscalerCommand(explain);
  if (chosen->get_name() == "settings") return SettingsCommand(format);
  if (chosen->got_subcommand("autoscaler")) return RunAutoscalerDaemon(daemon);
  return chosen->got_subcommand("gcs") ? RunGcsDaemon(daemon) : RunNodeDaemon(daemon);
}

}  // namespace
}  // namespace orrery

int main(int argc, char** argv) { return orrery::Main(argc, argv); }
