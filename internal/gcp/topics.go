package gcp

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// CountSubscriptions reports whether a topic exists and how many subscriptions
// take from it.
func CountSubscriptions(ctx context.Context, client *PubSub, topic string) (exists bool, subscriptions int, err error) {
	name := "projects/" + client.Project() + "/topics/" + topic
	if _, err := client.TopicAdminClient.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: name}); err != nil {
		if status.Code(err) == codes.NotFound {
			return false, 0, nil
		}
		return false, 0, fmt.Errorf("look at topic %s: %w", topic, err)
	}
	it := client.TopicAdminClient.ListTopicSubscriptions(ctx, &pubsubpb.ListTopicSubscriptionsRequest{Topic: name})
	for {
		_, err := it.Next()
		switch {
		case errors.Is(err, iterator.Done):
			return true, subscriptions, nil
		case err != nil:
			return true, subscriptions, fmt.Errorf("list the subscriptions of topic %s: %w", topic, err)
		}
		subscriptions++
	}
}
