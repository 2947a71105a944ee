#include "openapi.hpp"

namespace aiperf::api {

std::string_view openapi_schemas() noexcept {  // NOLINT(readability-function-size): one text
    return R"json({
"Detail": {
  "type": "object", "required": ["detail"],
  "properties": {"detail": {"type": "string", "description": "What is wrong, for people."}}
},
"Results": {
  "type": "object",
  "required": ["status", "results", "error", "exit_code", "run_id", "pid", "seq", "started_at"],
  "properties": {
    "status": {"enum": ["running", "complete", "cancelled", "incomplete"]},
    "results": {"anyOf": [{"type": "null"}, {"type": "object", "required": ["results", "errors"], "properties": {
      "results": {"$ref": "#/components/schemas/Summary"}, "errors": {"type": "array"}}}]},
    "error": {"anyOf": [{"type": "null"}, {"type": "object", "required": ["type", "message"], "properties": {
      "type": {"type": "string"}, "message": {"type": "string"}}}]},
    "exit_code": {"type": ["integer", "null"], "description": "Of the program; null while the run lasts."},
    "run_id": {"type": "string"},
    "pid": {"type": "integer"},
    "seq": {"type": "integer", "description": "Rises with each change of the status."},
    "started_at": {"type": "string", "format": "date-time"}
  }
},
"Summary": {
  "type": "object",
  "required": ["records", "completed", "start_ns", "end_ns", "was_cancelled", "is_complete",
               "successful_request_count", "error_request_count", "error_summary"],
  "properties": {
    "records": {"type": "array", "items": {"$ref": "#/components/schemas/MetricRecord"}},
    "completed": {"type": "integer"},
    "start_ns": {"type": "integer", "description": "Unix epoch."},
    "end_ns": {"type": "integer", "description": "Unix epoch."},
    "was_cancelled": {"type": "boolean"},
    "is_complete": {"type": "boolean"},
    "incomplete_reason": {"type": ["string", "null"]},
    "successful_request_count": {"type": "integer"},
    "error_request_count": {"type": "integer"},
    "error_summary": {"type": "array", "items": {"type": "object", "required": ["error_details", "count"],
      "properties": {"count": {"type": "integer"}, "error_details": {"type": "object", "properties": {
        "code": {"type": ["integer", "null"]}, "type": {"type": ["string", "null"]}, "message": {"type": "string"}}}}}}
  }
},
"MetricRecord": {
  "type": "object", "required": ["tag", "header", "unit"],
  "properties": {
    "tag": {"type": "string"}, "header": {"type": "string"}, "unit": {"type": "string"},
    "count": {"type": ["integer", "null"]}
  },
  "additionalProperties": {"type": ["number", "null"]}
},
"List": {
  "type": "object", "required": ["files", "ready", "processing", "partial", "failed_exporters"],
  "properties": {
    "files": {"type": "array", "items": {"type": "object", "required": ["name", "size"], "properties": {
      "name": {"type": "string", "description": "Path below the artifact directory."},
      "size": {"type": "integer", "minimum": 0, "description": "Bytes."}}}},
    "ready": {"type": "boolean", "description": "All files are there."},
    "processing": {"type": "boolean", "description": "The files are being written."},
    "partial": {"type": "boolean", "description": "Some could not be written."},
    "failed_exporters": {"type": "array", "items": {"type": "string"}}
  }
},
"Progress": {
  "type": "object", "required": ["phases", "workers", "results_exported", "system_state"],
  "properties": {
    "phases": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Phase"}},
    "workers": {"type": "object", "additionalProperties": {"type": "integer"}},
    "results_exported": {"type": "boolean"},
    "system_state": {"enum": ["initializing", "configuring", "ready", "profiling", "processing", "stopping", "shutdown"]}
  }
},
"Phase": {
  "type": "object",
  "required": ["phase", "phase_name", "requests_sent", "requests_completed", "requests_cancelled", "request_errors"],
  "properties": {
    "phase": {"type": "string"}, "phase_name": {"type": "string"}, "phase_index": {"type": "integer"},
    "start_ns": {"type": ["integer", "null"]}, "requests_end_ns": {"type": ["integer", "null"]},
    "total_expected_requests": {"type": ["integer", "null"]}, "expected_duration_sec": {"type": ["number", "null"]},
    "requests_sent": {"type": "integer"}, "requests_completed": {"type": "integer"},
    "requests_cancelled": {"type": "integer"}, "request_errors": {"type": "integer"},
    "requests_per_second": {"type": ["number", "null"]}, "requests_eta_sec": {"type": ["number", "null"]},
    "was_cancelled": {"type": "boolean"}, "last_update_ns": {"type": "integer"}
  }
},
"Metrics": {
  "type": "object", "required": ["aiperf_version", "benchmark_id", "metrics"],
  "properties": {
    "aiperf_version": {"type": "string"}, "benchmark_id": {"type": "string"}, "model": {"type": "string"},
    "endpoint_type": {"type": "string"}, "streaming": {"type": "boolean"},
    "concurrency": {"type": ["integer", "null"]}, "request_rate": {"type": ["number", "null"]},
    "metrics": {"type": "object", "additionalProperties": {"type": "object", "required": ["unit", "header"],
      "properties": {"unit": {"type": "string"}, "header": {"type": "string"}},
      "additionalProperties": {"type": "number"}}}
  }
},
"Workers": {
  "type": "object", "required": ["workers", "worker_groups"],
  "properties": {
    "workers": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Worker"}},
    "worker_groups": {"type": "object", "additionalProperties": {"type": "object"}}
  }
},
"Worker": {
  "type": "object", "required": ["worker_id", "task_stats", "status"],
  "properties": {
    "worker_id": {"type": "string"},
    "task_stats": {"type": "object", "required": ["total", "failed", "completed"],
      "additionalProperties": {"type": "integer"}},
    "status": {"enum": ["healthy", "high_load", "error", "idle", "stale"]},
    "last_update_ns": {"type": ["integer", "null"]}
  }
},
"Config": {"type": "object"},
"Run": {
  "type": "object", "required": ["benchmark_id", "trial"],
  "properties": {
    "benchmark_id": {"type": "string"}, "random_seed": {"type": "integer"}, "trial": {"type": "integer"},
    "cli_command": {"type": "string"}
  }
},
"Shutdown": {
  "type": "object", "required": ["status"], "properties": {"status": {"const": "shutting_down"}}
},
"Document": {"type": "object", "required": ["openapi", "info", "paths"]}
})json";
}

}  // namespace aiperf::api
