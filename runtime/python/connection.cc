#include "runtime/python/connection.h"

#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <utility>

#include "runtime/api/client.h"
#include "runtime/api/errors.h"
#include "runtime/api/worker.h"
#include "runtime/transport/ask.h"
#include "runtime/transport/endpoint.h"
#include "runtime/transport/handshake.h"
#include "runtime/transport/host.h"
#include "runtime/transport/session.h"

namespace orrery::python {

namespace {

constexpr const char* kGcsVariable = "ORRERY_GCS";
constexpr Duration kAskLimit = Duration::Seconds(5);
constexpr int kAskTimes = 6;

struct Place {
  internal::FoundCluster cluster;  // outlives the driver
  std::unique_ptr<internal::Driver> driver;
  std::string folder;
};

// Never destroyed: threads may still ask when the interpreter ends.
Place& ThePlace() {
  static auto* place = new Place;
  return *place;
}

template <class T>
T Checked(Result<T> result) {
  if (!result.ok()) internal::ThrowError(result.status().code(), result.status().message());
  return std::move(*result);
}

std::string ParentFolder(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

void Connect(DriverStart start) {
  Place& place = ThePlace();
  if (place.driver != nullptr) throw Error(StatusCode::kAlreadyExists, "this process has a session already");
  const JobTerms terms = Checked(TermsOf(start.session));
  place.cluster = Checked(internal::FindCluster(start.session));
  place.folder = ParentFolder(place.cluster.socket_dir);
  start.worker.environment[kGcsVariable] = place.cluster.gcs_address;
  internal::DriverOptions options;
  options.node_manager = place.cluster.node_manager;
  options.socket_dir = place.cluster.socket_dir;
  options.token = place.cluster.token;
  options.name = start.session.name;
  options.terms = terms;
  options.settings = start.session.settings;
  options.worker = std::move(start.worker);
  Result<std::unique_ptr<internal::Driver>> driver = internal::Driver::Connect(std::move(options));
  if (!driver.ok()) place.cluster.own.reset();
  place.driver = Checked(std::move(driver));
}

void Disconnect(int status) {
  Place& place = ThePlace();
  if (place.driver == nullptr) return;
  place.driver->Close(status);
  place.driver.reset();
  place.cluster.own.reset();
}

void AfterFork() {
  if (internal::Client* const client = internal::Client::CurrentOrNull()) client->AfterFork();
  Place& place = ThePlace();
  // Their destructors would end what is the parent's.
  static_cast<void>(place.driver.release());
  static_cast<void>(place.cluster.own.release());
  place.cluster = {};
}

std::string GcsAddress() { return ThePlace().cluster.gcs_address; }
std::string SessionFolder() { return ThePlace().folder; }

int Serve() {
  const std::optional<WorkerEnvironment> environment = Checked(WorkerEnvironment::FromProcess());
  const char* const gcs = std::getenv(kGcsVariable);
  if (!environment || gcs == nullptr) throw Error(StatusCode::kInvalidArgument, "no node manager started this process");
  Place& place = ThePlace();
  place.cluster.gcs_address = gcs;
  place.folder = environment->session_dir;
  place.cluster.socket_dir = environment->session_dir + "/sockets";
  place.cluster.token = Checked(ReadTokenFile(environment->token_file));
  return internal::RunWorker(*environment);
}

Message AskGcs(const Message& request) {
  const Place& place = ThePlace();
  if (place.cluster.gcs_address.empty())
    throw UnavailableError("no session is open in this process: call orrery.init() first");
  const Address gcs = Checked(ParseAddress(place.cluster.gcs_address));
  AskOptions options;
  options.socket_dir = place.cluster.socket_dir;
  options.token = place.cluster.token;
  options.limit = kAskLimit;
  for (int attempt = 1;; ++attempt) {
    Result<Message> reply = AskOnce(options, gcs, request.Clone());
    if (reply.ok()) return std::move(*reply);
    const StatusCode code = reply.status().code();
    const bool away = code == StatusCode::kUnavailable || code == StatusCode::kTimedOut;
    if (!away || attempt == kAskTimes) internal::ThrowError(code, reply.status().message());
    if (code == StatusCode::kUnavailable) sleep(1);
  }
}

}  // namespace orrery::python
