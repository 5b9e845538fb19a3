#include "runtime/providers/exec_provider.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "runtime/common/node_flags.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/providers/exec_answer.h"
#include "runtime/transport/program.h"

namespace orrery {

using Json = nlohmann::ordered_json;

class ExecProvider::Impl {
 public:
  Impl(LiveEnv& env, ExecProviderOptions options) : env_(env), options_(std::move(options)), programs_(env) {}
  void OnLaunch(Message message);
  void OnTerminate(Message message);
  void OnList(uint64_t request);

 private:
  // Runs the program, unless this request is with one already: the autoscaler asks again what takes long.
  template <class Done>
  void Call(MessageKind kind, uint64_t request, Json json, Done done) {
    if (!under_way_.insert({kind, request}).second) return;
    ProgramCall call{.words = options_.program,
                     .input = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                     .limit = options_.timeout};
    programs_.Run(std::move(call), [this, kind, request, done = std::move(done)](ProgramEnd end) {
      under_way_.erase({kind, request});
      done(std::move(end));
    });
  }
  Json Request(const char* call) const { return {{"version", 1}, {"call", call}, {"cluster", options_.cluster}}; }
  Json InstanceJson(uint64_t instance, const std::string& type) const;

  LiveEnv& env_;
  const ExecProviderOptions options_;
  Programs programs_;
  std::set<std::pair<MessageKind, uint64_t>> under_way_;
};

Json ExecProvider::Impl::InstanceJson(uint64_t instance, const std::string& name) const {
  const ExecProviderOptions::Type& type = options_.types.at(name);
  std::string labels = std::string(kNodeTypeLabel) + "=" + name + "," + kInstanceLabel + "=" + std::to_string(instance);
  for (const auto& [key, value] : type.labels) labels += "," + key + "=" + value;
  std::vector<std::string> words = type.start_words;
  words.push_back("--labels=" + labels);
  words.push_back("--name=" + name + "-" + std::to_string(instance));
  return {{"instance", instance}, {"start", words}};
}

void ExecProvider::Impl::OnLaunch(Message message) {
  const auto& launch = message.As<msg::LaunchInstances>();
  const auto request = launch.request();
  const std::vector<uint64_t> instances(launch.instances().begin(), launch.instances().end());
  const auto refuse = [this, request, instances](const Status& status) {
    Draft<msg::InstancesLaunched> reply;
    reply->set_request(request);
    for (const uint64_t instance : instances) {
      msg::LaunchOutcome* outcome = reply->add_outcomes();
      outcome->set_instance(instance);
      outcome->set_status(static_cast<uint32_t>(status.code()));
      outcome->set_message(status.message());
    }
    env_.Post(Address::Provider(), std::move(reply));
  };
  const auto type = options_.types.find(launch.node_type());
  if (type == options_.types.end())
    return refuse({StatusCode::kInvalidArgument, "the provider knows no node type '" + launch.node_type() + "'"});
  Json json = Request("launch");
  json["node_type"] = launch.node_type();
  json["node_config"] = Json::parse(type->second.node_config, nullptr, false);
  for (const uint64_t instance : instances) json["instances"].push_back(InstanceJson(instance, launch.node_type()));
  Call(MessageKind::kLaunchInstances, request, std::move(json), [this, request, refuse](ProgramEnd end) {
    Draft<msg::InstancesLaunched> reply;
    reply->set_request(request);
    const Status status = end.status.ok() ? ReadLaunchAnswer(end.output, *reply) : end.status;
    if (!status.ok()) return refuse(status);
    env_.Post(Address::Provider(), std::move(reply));
  });
}

void ExecProvider::Impl::OnTerminate(Message message) {
  const auto& terminate = message.As<msg::TerminateInstances>();
  const uint64_t request = terminate.request();
  Json json = Request("terminate");
  json["cloud_ids"] = Json::array();
  for (const std::string& cloud_id : terminate.cloud_ids()) json["cloud_ids"].push_back(cloud_id);
  Call(MessageKind::kTerminateInstances, request, std::move(json), [this, request](ProgramEnd end) {
    Draft<msg::InstancesTerminated> reply;
    const Status status = end.status.ok() ? ReadTerminateAnswer(end.output, *reply) : end.status;
    if (!status.ok()) reply->clear_cloud_ids();
    reply->set_request(request);
    reply->set_status(static_cast<uint32_t>(status.code()));
    reply->set_message(status.message());
    env_.Post(Address::Provider(), std::move(reply));
  });
}

void ExecProvider::Impl::OnList(uint64_t request) {
  Call(MessageKind::kListInstances, request, Request("list"), [this, request](ProgramEnd end) {
    Draft<msg::InstanceList> reply;
    std::vector<Message> events;
    const Status status = end.status.ok() ? ReadListAnswer(end.output, *reply, events) : end.status;
    if (!status.ok()) {
      reply->clear_instances();
      events.clear();
    }
    reply->set_request(request);
    reply->set_status(static_cast<uint32_t>(status.code()));
    reply->set_message(status.message());
    for (Message& event : events) env_.Post(Address::Provider(), std::move(event));
    env_.Post(Address::Provider(), std::move(reply));
  });
}

ExecProvider::ExecProvider(LiveEnv& env, ExecProviderOptions options)
    : impl_(std::make_unique<Impl>(env, std::move(options))) {}
ExecProvider::~ExecProvider() = default;

void ExecProvider::OnMessage(Message message) {
  switch (message.kind()) {
    case MessageKind::kLaunchInstances: return impl_->OnLaunch(std::move(message));
    case MessageKind::kTerminateInstances: return impl_->OnTerminate(std::move(message));
    case MessageKind::kListInstances: return impl_->OnList(message.As<msg::ListInstances>().request());
    default: ORRERY_ASSERT_MSG(false, "not a message to a provider");
  }
}

}  // namespace orrery
