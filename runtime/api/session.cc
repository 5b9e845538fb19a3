#include "runtime/api/session.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "runtime/api/cluster_finder.h"
#include "runtime/api/driver.h"
#include "runtime/api/errors.h"
#include "runtime/api/worker.h"
#include "runtime/transport/fork_server.h"

namespace orrery {

struct api::Session::Impl {
  std::vector<std::string> args;
  internal::FoundCluster cluster;              // outlives the driver
  std::unique_ptr<internal::Driver> driver;
};

namespace {

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Result<JobTerms> TermsOf(const SessionOptions& options) {
  if (!(options.weight >= 0.0001 && options.weight <= 1e9))
    return Status(StatusCode::kInvalidArgument, "a job's weight is a number from 0.0001 to 1e9");
  return JobTerms{options.priority, FixedPoint::FromDouble(options.weight)};
}

api::Session::Session(int argc, char** argv, const SessionOptions& options) : impl_(std::make_unique<Impl>()) {
  if (internal::Client::CurrentOrNull() != nullptr)
    throw Error(StatusCode::kAlreadyExists, "this process has a session already");
  impl_->args.assign(argv, argv + argc);
  Result<JobTerms> terms = TermsOf(options);
  if (!terms.ok()) internal::ThrowError(terms.status().code(), terms.status().message());
  Result<internal::FoundCluster> cluster = internal::FindCluster(options);
  if (!cluster.ok()) internal::ThrowError(cluster.status().code(), cluster.status().message());
  impl_->cluster = std::move(*cluster);
  internal::DriverOptions driver;
  driver.node_manager = impl_->cluster.node_manager;
  driver.socket_dir = impl_->cluster.socket_dir;
  driver.token = impl_->cluster.token;
  driver.name = options.name.empty() && argc > 0 ? BaseName(argv[0]) : options.name;
  driver.terms = *terms;
  driver.arguments = impl_->args;
  driver.settings = options.settings;
  Result<std::unique_ptr<internal::Driver>> connected = internal::Driver::Connect(std::move(driver));
  if (!connected.ok()) internal::ThrowError(connected.status().code(), connected.status().message());
  impl_->driver = std::move(*connected);
}

api::Session::Session(Session&& other) noexcept = default;

api::Session::~Session() {
  if (impl_ != nullptr) Close(std::uncaught_exceptions() > 0 ? 1 : 0);
}

void api::Session::Close(int status) {
  if (impl_->driver == nullptr) return;
  impl_->driver->Close(status);
  impl_->driver.reset();
  impl_->cluster.own.reset();
}

JobId api::Session::job() const { return internal::Client::Current().identity().job; }
NodeId api::Session::node() const { return internal::Client::Current().identity().node; }
const std::string& api::Session::address() const { return impl_->cluster.gcs_address; }
const std::vector<std::string>& api::Session::args() const { return impl_->args; }

namespace internal {

void ServeIfWorker() {
  ServeForks();
  const Result<std::optional<WorkerEnvironment>> environment = WorkerEnvironment::FromProcess();
  if (!environment.ok()) {
    std::fprintf(stderr, "orrery worker: %s\n", environment.status().ToString().c_str());
    std::_Exit(2);
  }
  if (!environment.value()) return;
  const int code = RunWorker(*environment.value());
  // Not exit(): the program's own statics expect that its main has run.
  std::fflush(nullptr);
  std::_Exit(code);
}

int RunDriver(int argc, char** argv, const SessionOptions& options, const std::function<int(api::Session&)>& program) {
  try {
    api::Session session(argc, argv, options);
    int code = 1;
    try {
      code = program(session);
    } catch (...) {
      session.Close(1);
      throw;
    }
    session.Close(code);
    return code;
  } catch (const TaskError& error) {
    std::fprintf(stderr, "orrery: a task failed: %s\n%s", error.what(), error.stack().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "orrery: %s\n", error.what());
  }
  return 1;
}

}  // namespace internal

api::Session init(int argc, char** argv, const SessionOptions& options) {
  internal::ServeIfWorker();
  return api::Session(argc, argv, options);
}

}  // namespace orrery
