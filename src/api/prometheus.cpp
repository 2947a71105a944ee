#include "aiperf/base/text.hpp"
#include "aiperf/base/version.hpp"
#include "bodies.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace aiperf::api {

namespace {

struct Quantile {
    std::string_view statistic;
    std::string_view value;
};

constexpr std::array<Quantile, 9> k_quantiles{{{"p1", "0.01"},
                                               {"p5", "0.05"},
                                               {"p10", "0.1"},
                                               {"p25", "0.25"},
                                               {"p50", "0.5"},
                                               {"p75", "0.75"},
                                               {"p90", "0.9"},
                                               {"p95", "0.95"},
                                               {"p99", "0.99"}}};

struct Gauge {
    std::string_view statistic;
    std::string_view words;
    bool only_without_quantiles;  // a summary has its own _sum and _count
};

constexpr std::array<Gauge, 7> k_gauges{{{"avg", "average", false},
                                         {"min", "minimum", false},
                                         {"max", "maximum", false},
                                         {"std", "standard deviation", false},
                                         {"current", "current value", false},
                                         {"count", "count", true},
                                         {"sum", "sum", true}}};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

std::string name_part(std::string_view text) {
    std::string out = base::lower(text);
    std::replace_if(
        out.begin(),
        out.end(),
        [](char c) { return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'); },
        '_');
    return out;
}

std::string unit_part(std::string_view unit) {
    std::string text = replaced(base::lower(unit), "%", "percent");
    text = name_part(replaced(std::move(text), "/", "_per_"));
    return replaced(std::move(text), "tokens_per_sec", "tps");
}

std::string label_value(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c == '\\' || c == '"' ? std::string{'\\', c} : std::string(1, c);
        }
    }
    return out;
}

std::string labels_of(const RunFacts& facts) {
    std::string out = "benchmark_id=\"" + label_value(facts.run_id) + "\",model=\"" + label_value(facts.model) +
                      "\",endpoint_type=\"" + label_value(facts.endpoint_type) + "\",streaming=\"" +
                      (facts.streaming ? "true" : "false") + "\"";
    if (facts.concurrency) {
        out += ",concurrency=\"" + std::to_string(*facts.concurrency) + "\"";
    }
    if (facts.request_rate) {
        out += ",request_rate=\"" + base::number_text(*facts.request_rate) + "\"";
    }
    return out;
}

std::string value_text(double value) {
    if (std::isnan(value)) {
        return "NaN";
    }
    if (std::isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    return base::number_text(value);
}

void put_head(std::string& out, const std::string& name, const std::string& help, const char* type) {
    out += "# HELP " + name + " " + replaced(replaced(help, "\\", "\\\\"), "\n", "\\n") + "\n# TYPE " + name + " " +
           type + "\n";
}

const double* find(const MetricSnapshot& metric, std::string_view statistic) {
    for (const auto& entry : metric.statistics) {
        if (entry.first == statistic) {
            return &entry.second;
        }
    }
    return nullptr;
}

void put_summary(std::string& out, const MetricSnapshot& metric, const std::string& labels) {
    const std::string name = "aiperf_" + name_part(metric.tag) + "_" + unit_part(metric.unit);
    put_head(out, name, metric.header + " (in " + metric.unit + ")", "summary");
    for (const Quantile& quantile : k_quantiles) {
        if (const double* const value = find(metric, quantile.statistic)) {
            out +=
                name + "{" + labels + ",quantile=\"" + std::string(quantile.value) + "\"} " + value_text(*value) + "\n";
        }
    }
    for (const std::string_view part : {"sum", "count"}) {
        if (const double* const value = find(metric, part)) {
            out += name + "_" + std::string(part) + "{" + labels + "} " + value_text(*value) + "\n";
        }
    }
}

void put_metric(std::string& out, const MetricSnapshot& metric, const std::string& labels) {
    const bool has_quantiles = std::any_of(k_quantiles.begin(), k_quantiles.end(), [&](const Quantile& q) {
        return find(metric, q.statistic) != nullptr;
    });
    if (has_quantiles) {
        put_summary(out, metric, labels);
    }
    for (const Gauge& gauge : k_gauges) {
        const double* const value = find(metric, gauge.statistic);
        if (value == nullptr || (has_quantiles && gauge.only_without_quantiles)) {
            continue;
        }
        const std::string name =
            "aiperf_" + name_part(metric.tag) + "_" + std::string(gauge.statistic) + "_" + unit_part(metric.unit);
        put_head(out, name, metric.header + " " + std::string(gauge.words) + " (in " + metric.unit + ")", "gauge");
        out += name + "{" + labels + "} " + value_text(*value) + "\n";
    }
}

/// Counts of a phase. They are this program's: AIPerf has none.
struct PhaseCount {
    std::string_view name;
    std::string_view help;
    const char* type;
    std::uint64_t (*of)(const PhaseProgress& phase);
};

constexpr std::array<PhaseCount, 5> k_phase_counts{
    {{"aiperf_phase_requests_sent_total", "Requests sent", "counter", [](const auto& p) { return p.sent; }},
     {"aiperf_phase_requests_completed_total",
      "Requests that ended, errors among them",
      "counter",
      [](const auto& p) { return p.completed; }},
     {"aiperf_phase_request_errors_total", "Requests that failed", "counter", [](const auto& p) { return p.errors; }},
     {"aiperf_phase_requests_cancelled_total",
      "Requests closed before their answer ended",
      "counter",
      [](const auto& p) { return p.cancelled; }},
     {"aiperf_phase_requests_in_flight", "Requests without an end yet", "gauge", [](const auto& p) {
          return p.sent - std::min(p.sent, p.completed + p.cancelled);
      }}}};

void put_phases(std::string& out, const Progress& progress, const std::string& labels) {
    for (const PhaseCount& count : k_phase_counts) {
        if (progress.phases.empty()) {
            return;
        }
        put_head(out, std::string(count.name), std::string(count.help) + ", by phase", count.type);
        for (const PhaseProgress& phase : progress.phases) {
            out += std::string(count.name) + "{" + labels + ",phase=\"" + label_value(phase.name) + "\"} " +
                   std::to_string(count.of(phase)) + "\n";
        }
    }
}

void put_status(std::string& out, Status now, const std::string& labels) {
    put_head(out, "aiperf_run_status", "1 for the status the run has", "gauge");
    for (const Status status : {Status::running, Status::complete, Status::cancelled, Status::incomplete}) {
        out += "aiperf_run_status{" + labels + ",status=\"" + to_string(status) + "\"} " + (status == now ? "1" : "0") +
               "\n";
    }
}

}  // namespace

std::string prometheus_text(const RunFacts& facts, const RunState::View& view) {
    const std::string labels = labels_of(facts);
    std::string out;
    put_head(out, "aiperf_info", "AIPerf benchmark information", "gauge");
    out += "aiperf_info{" + labels + ",version=\"" + label_value(base::version()) + "\"} 1\n";
    put_status(out, view.status, labels);
    put_phases(out, view.progress, labels);
    for (const MetricSnapshot& metric : view.progress.metrics) {
        put_metric(out, metric, labels);
    }
    return out;
}

}  // namespace aiperf::api
