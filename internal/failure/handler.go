package failure

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/job"
	"github.com/hubspot-zoho/connector/internal/logschema"
)

// Handler serves the job that sends the digest: 200 with the report, whether or
// not there was something to send, and 503 when the list has to wait, so that
// the scheduler tries again.
func (d *Digest) Handler(logger *slog.Logger) http.Handler {
	return job.NewHandler(func(ctx context.Context) job.Answer {
		report, err := d.Send(ctx)
		if err != nil {
			v := Classify(err)
			logger.ErrorContext(ctx, logschema.DigestNotSent,
				logschema.Class, string(v.Class), "remedy", v.Remedy, "error", err.Error())
			return job.Unavailable("the list waits: see the log")
		}
		logger.InfoContext(ctx, logschema.DigestDone, logschema.Outcome, string(report.Outcome), "causes", report.Causes,
			"failures", report.Failures, "operations", report.Operations, "rows", report.Rows, "left", report.Left)
		return job.Answer{Report: report}
	})
}
