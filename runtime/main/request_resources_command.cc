// orrery request-resources: what the autoscaler shall keep there, used or not.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/main/autoscaler_start.h"
#include "runtime/main/commands.h"
#include "runtime/main/exit_code.h"
#include "runtime/main/gcs_query.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

constexpr Duration kLimit = Duration::Seconds(10);

Status Bad(const std::string& message) { return {StatusCode::kInvalidArgument, message}; }

// One bundle of the JSON list, as {"CPU": 4, "GPU": 1}.
Result<ResourceSet> BundleOf(const nlohmann::json& json) {
  ResourceSet bundle;
  if (!json.is_object() || json.empty()) return Bad("--bundles: " + json.dump() + R"( is no bundle; write {"CPU": 4})");
  for (const auto& [name, amount] : json.items()) {
    if (!amount.is_number() || amount.get<double>() <= 0)
      return Bad("--bundles: the amount of '" + name + "' must be a number above 0");
    const FixedPoint exact = FixedPoint::FromDouble(amount.get<double>());
    bool predefined = false;
    for (size_t i = 0; i < kPredefinedResources; ++i) {
      const auto kind = static_cast<ResourceKind>(i);
      if (name != ResourceKindName(kind)) continue;
      bundle.Set(kind, exact);
      predefined = true;
    }
    if (!predefined) bundle.Set(name, exact);
  }
  return bundle;
}

Status AddBundle(const ResourceSet& bundle, uint64_t count, msg::RequestResources& request) {
  if (Status status = ValidateRequest(bundle); !status.ok()) return status;
  msg::DemandStatus* demand = request.add_bundles();
  ToProto(SchedulingRequest{bundle, {}}, demand->mutable_spec());
  demand->set_count(count);
  return Status::Ok();
}

Status Fill(const RequestResourcesOptions& options, msg::RequestResources& request) {
  if (options.clear + (options.num_cpus > 0) + !options.bundles.empty() == 0)
    return Bad("request-resources needs --num-cpus, --bundles or --clear");
  if (options.clear && (options.num_cpus > 0 || !options.bundles.empty()))
    return Bad("--clear takes back the request, so it goes with no other resources");
  request.set_request(1);
  request.set_job(options.job);
  if (!options.expires.empty()) {
    Result<Duration> expires = ParseDuration(options.expires);
    if (!expires.ok()) return Bad("--expires: " + expires.status().message());
    request.set_expires_ns(expires->ns);
  }
  // As in Ray: CPUs one by one, wherever they are.
  if (options.num_cpus > 0) {
    if (Status status = AddBundle(ResourceSet::Cpu(1), options.num_cpus, request); !status.ok()) return status;
  }
  if (options.bundles.empty()) return Status::Ok();
  const nlohmann::json bundles = nlohmann::json::parse(options.bundles, nullptr, false);
  if (!bundles.is_array()) return Bad(R"(--bundles: write a JSON list, e.g. '[{"CPU": 4}, {"GPU": 1}]')");
  for (const nlohmann::json& json : bundles) {
    Result<ResourceSet> bundle = BundleOf(json);
    if (!bundle.ok()) return bundle.status();
    if (Status status = AddBundle(*bundle, 1, request); !status.ok()) return status;
  }
  return Status::Ok();
}

// A request of a job that is over would have no end, so there is none.
Status CheckJob(const RequestResourcesOptions& options, const Session& session, const Address& gcs) {
  if (options.job == 0) return Status::Ok();
  Draft<msg::GetClusterStatus> question;
  question->set_request(1);
  Result<Message> reply = Ask(session, options.token_file, gcs, std::move(question), kLimit);
  if (!reply.ok()) return reply.status();
  for (const msg::JobStatus& job : reply->As<msg::ClusterStatus>().jobs()) {
    if (job.job() == options.job && job.running()) return Status::Ok();
  }
  return Bad("--job: no job " + std::to_string(options.job) + " runs; `orrery status` lists jobs");
}

}  // namespace

int RequestResourcesCommand(const RequestResourcesOptions& options) {
  Draft<msg::RequestResources> request;
  if (Status status = Fill(options, *request); !status.ok()) return Fail(status);
  Result<Session> session = Session::Open();
  if (!session.ok()) return Fail(kExitFailed, session.status().message());
  Result<Address> gcs = FindGcs(*session, options.address);
  if (!gcs.ok()) return Fail(gcs.status());
  if (Status status = CheckJob(options, *session, *gcs); !status.ok()) return Fail(status);
  Result<Message> reply = Ask(*session, options.token_file, *gcs, std::move(request), kLimit);
  if (!reply.ok()) return Fail(reply.status());
  const std::string whose = options.job == 0 ? "" : " of job " + std::to_string(options.job);
  std::printf("The request%s is %s.\n", whose.c_str(), options.clear ? "taken back" : "noted");
  if (Autoscalers(*session).empty())
    std::printf("No autoscaler runs here; `orrery start --head --autoscaling-config FILE` starts one.\n");
  return kExitOk;
}

}  // namespace orrery
