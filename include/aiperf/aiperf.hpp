#pragma once

/// The umbrella: configure a run, run it, read its numbers.

#include "aiperf/base/error.hpp"
#include "aiperf/base/version.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/config/run_config.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/metric/definitions.hpp"
#include "aiperf/metric/summary.hpp"
#include "aiperf/record/record_set.hpp"
#include "aiperf/settings/settings.hpp"

namespace aiperf {

using base::ConfigError;
using base::Error;
using base::RunError;
using config::RunConfig;
using control::Environment;
using control::FinishedRequest;
using control::recover;
using control::Result;
using control::Run;
using control::run;
using control::Snapshot;

}  // namespace aiperf
