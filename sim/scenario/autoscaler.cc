// The section `autoscaler`.
#include "sim/scenario/parse.h"

namespace orrery {

namespace {

void ReadOutage(const Value& value, Problems& problems, ProviderSpec& provider) {
  OutageSpec outage;
  MapReader map(value, problems, "outages");
  map.Require("at");
  map.Read("at", ReadTime, outage.at);
  map.Read("type", ReadText, outage.type);
  map.Read("preempt", ReadCount, outage.preempt);
  map.Read("notice", ReadTime, outage.notice);
  map.Read("refuse_for", ReadTime, outage.refuse_for);
  map.Finish();
  provider.outages.push_back(outage);
}

void ReadProvider(const Value& value, Problems& problems, ProviderSpec& provider) {
  MapReader map(value, problems, "autoscaler.provider");
  if (const Value* delay = map.Find("answer_delay")) ReadDistribution(*delay, problems, provider.answer_delay);
  if (const Value* boot = map.Find("boot_time")) ReadDistribution(*boot, problems, provider.boot_time.emplace());
  map.Read("terminate_time", ReadTime, provider.terminate_time);
  map.Read("launch_failures", ReadShare, provider.launch_failures);
  map.Read("never_join", ReadShare, provider.never_join);
  map.Read("lost_answers", ReadShare, provider.lost_answers);
  map.Read("double_answers", ReadShare, provider.double_answers);
  map.Read("partial_answers", ReadShare, provider.partial_answers);
  map.Read("quota", ReadCount, provider.quota);
  if (const Value* outages = map.Find("outages"))
    ReadList(*outages, problems, "outages", [&](const Value& one) { ReadOutage(one, problems, provider); });
  map.Finish();
}

}  // namespace

void ParseAutoscaler(const Value& value, ParseContext& context, AutoscalerSpec& autoscaler) {
  MapReader map(value, context.problems, "autoscaler");
  map.Read("max_workers", ReadCount, autoscaler.max_workers);
  if (const Value* provider = map.Find("provider")) ReadProvider(*provider, context.problems, autoscaler.provider);
  if (const Value* killed = map.Find("killed_every"))
    ReadDistribution(*killed, context.problems, autoscaler.killed_every.emplace());
  map.Read("back_after", ReadTime, autoscaler.back_after);
  map.Finish();
}

}  // namespace orrery
