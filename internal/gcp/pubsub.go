package gcp

import (
	"context"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// PubSub is a connection to the topics of a project, for a package that only passes it on.
type PubSub = pubsub.Client

// NewPubSub connects to the topics of a project. A non-empty emulator is the host and
// port to use instead of the service. The client outlives ctx.
func NewPubSub(ctx context.Context, project, emulator string) (*pubsub.Client, error) {
	client, err := pubsub.NewClient(context.WithoutCancel(ctx), project, EmulatorOptions(emulator)...)
	if err != nil {
		return nil, fmt.Errorf("connect to pubsub: %w", err)
	}
	return client, nil
}

// EmulatorOptions make a Google client connect to an emulator at host; there are
// none where host is empty.
func EmulatorOptions(host string) []option.ClientOption {
	if host == "" {
		return nil
	}
	return []option.ClientOption{
		option.WithEndpoint(host),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}
