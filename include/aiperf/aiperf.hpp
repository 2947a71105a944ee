#pragma once

/// The umbrella: configure a run, run it, read its numbers.

#include "aiperf/config/options.hpp"
#include "aiperf/config/run_config.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/metric/definitions.hpp"
#include "aiperf/metric/summary.hpp"
#include "aiperf/record/record_set.hpp"
#include "aiperf/settings/settings.hpp"
#include "aiperf/base/version.hpp"
