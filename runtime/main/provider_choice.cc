#include "runtime/main/provider_choice.h"

#include <utility>

#include "runtime/common/node_flags.h"
#include "runtime/main/launch.h"
#include "runtime/providers/exec_provider.h"
#include "runtime/providers/local_provider.h"

namespace orrery {

namespace {

std::vector<std::string> Common(const ProviderSite& site, const char* address_flag) {
  std::vector<std::string> words = {address_flag + site.gcs};
  for (const std::string& setting : site.settings) words.push_back("--set=" + setting);
  return words;
}

Result<std::unique_ptr<LocalEndpoint>> MakeLocal(LiveEnv& env, const ClusterConfig& config, const ProviderSite& site) {
  LocalProviderOptions options;
  options.executable = OwnExecutable();
  options.session_dir = site.session_dir;
  options.common = Common(site, "--gcs=");
  options.host = site.host;
  if (config.provider.namespaces) options.network = NodeNetwork::Of(site.session_dir, *config.provider.namespaces);
  if (!site.token_file.empty()) options.common.push_back("--token-file=" + site.token_file);
  for (const NodeType& type : config.scaling.types) options.types[type.name] = {type.resources, type.labels};
  options.max_instances = config.provider.max_instances;
  Result<std::unique_ptr<LocalProvider>> provider = LocalProvider::Create(env, std::move(options));
  if (!provider.ok()) return provider.status();
  return std::unique_ptr<LocalEndpoint>(std::move(*provider));
}

std::unique_ptr<LocalEndpoint> MakeExec(LiveEnv& env, const ClusterConfig& config, const ProviderSite& site) {
  ExecProviderOptions options;
  options.program = config.provider.program;
  options.cluster = config.name;
  options.timeout = config.provider.timeout;
  for (const NodeType& type : config.scaling.types) {
    ExecProviderOptions::Type& known = options.types[type.name];
    known.labels = type.labels;
    known.start_words = {"orrery", "start"};
    for (std::string& word : Common(site, "--address=")) known.start_words.push_back(std::move(word));
    for (std::string& word : NodeFlags(type.resources, {}, "")) known.start_words.push_back(std::move(word));
    const auto given = config.node_config.find(type.name);
    if (given != config.node_config.end()) known.node_config = given->second;
  }
  return std::make_unique<ExecProvider>(env, std::move(options));
}

}  // namespace

Result<std::unique_ptr<LocalEndpoint>> MakeProvider(LiveEnv& env, const ClusterConfig& config,
                                                    const ProviderSite& site) {
  if (config.provider.kind == ProviderConfig::Kind::kLocal) return MakeLocal(env, config, site);
  return MakeExec(env, config, site);
}

}  // namespace orrery
