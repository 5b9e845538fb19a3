#include <time.h>
#include <unistd.h>

#include <cstdio>

#include "runtime/common/settings.h"
#include "runtime/main/commands.h"
#include "runtime/main/exit_code.h"
#include "runtime/main/gcs_query.h"
#include "runtime/main/status_text.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

int PrintOnce(const Session& session, const StatusOptions& options) {
  Result<Address> gcs = FindGcs(session, options.address);
  if (!gcs.ok()) return Fail(gcs.status());
  Draft<msg::GetClusterStatus> request;
  request->set_request(1);
  Result<Message> reply =
      Ask(session, options.token_file, *gcs, std::move(request), Duration::FromSeconds(options.timeout));
  if (!reply.ok()) return Fail(reply.status());
  const auto& status = reply->As<msg::ClusterStatus>();
  if (options.format == "json") {
    std::printf("%s\n", StatusJson(status).c_str());
  } else {
    const time_t now = time(nullptr);
    char when[32];
    strftime(when, sizeof when, "%F %T", localtime(&now));
    if (options.watch > 0 && isatty(STDOUT_FILENO) != 0) std::printf("\033[H\033[2J");
    std::printf("%s", StatusText(status, when).c_str());
  }
  std::fflush(stdout);
  return kExitOk;
}

}  // namespace

int StatusCommand(const StatusOptions& options) {
  Result<Session> session = Session::Open();
  if (!session.ok()) return Fail(kExitFailed, session.status().message());
  while (true) {
    const int code = PrintOnce(*session, options);
    if (options.watch <= 0 || code != kExitOk) return code;
    usleep(static_cast<useconds_t>(options.watch * 1e6));
  }
}

int SettingsCommand(const std::string& format) {
  const std::vector<SettingInfo> settings = ListSettings(Settings());
  if (format == "json") std::printf("[");
  for (size_t i = 0; i < settings.size(); ++i) {
    const SettingInfo& knob = settings[i];
    if (format == "json") {
      std::printf("%s\n  {\"name\": \"%s\", \"unit\": \"%s\", \"default\": \"%s\"}", i == 0 ? "" : ",",
                  knob.name.c_str(), knob.unit.c_str(), knob.value.c_str());
    } else {
      std::printf("%-34s %-10s %s\n", knob.name.c_str(), knob.value.c_str(), knob.unit.c_str());
    }
  }
  if (format == "json") std::printf("\n]\n");
  return kExitOk;
}

}  // namespace orrery
