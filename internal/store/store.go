package store

import (
	"context"
	"fmt"

	"cloud.google.com/go/firestore"

	"github.com/hubspot-zoho/connector/internal/gcp"
)

// Client is a connection to a database, for a package that only passes it on.
type Client = firestore.Client

// Connect connects to a database. A non-empty emulator is the host and port of
// an emulator, or of the embedded server, to use instead of the service.
func Connect(ctx context.Context, project, database, emulator string) (*Client, error) {
	client, err := firestore.NewClientWithDatabase(ctx, project, database, gcp.EmulatorOptions(emulator)...)
	if err != nil {
		return nil, fmt.Errorf("connect to firestore: %w", err)
	}
	return client, nil
}
