//! A cluster of three servers: where streams and buckets are kept, and what is not there yet on each of them.

use kryten_client::kv::BucketConfig;
use kryten_client::stream::EventStream;
use kryten_client::{Client, KvBucket, NatsConfig};
use kryten_servers::{NatsCluster, NatsServer};

use crate::fixture::{config, in_time};

/// A client of one of the servers, whose streams are to be kept on this many.
async fn connect(cluster: &NatsCluster, number: usize, replicas: Option<u8>) -> Client {
    let config = NatsConfig {
        replicas,
        ..config(&cluster.servers()[number])
    };
    Client::connect(&config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_and_buckets_are_kept_on_as_many_servers_as_the_configuration_says() {
    let cluster = NatsCluster::ephemeral(3).await;
    let client = connect(&cluster, 0, Some(3)).await;
    in_time(EventStream::open_or_create(&client)).await.unwrap();
    let bucket = BucketConfig::new("wide");
    let bucket = KvBucket::open_or_create(&client, bucket).await.unwrap();
    assert_eq!(bucket.info().await.unwrap().replicas, 3);

    let other = connect(&cluster, 1, Some(1)).await;
    let stream = EventStream::open_or_create(&other).await.unwrap();
    assert_eq!(stream.differences(), ["has 3 replicas, not 1"]);
    let careless = connect(&cluster, 2, None).await;
    let stream = EventStream::open_or_create(&careless).await.unwrap();
    assert_eq!(stream.differences(), [""; 0], "nobody has said how many");
    assert!(stream.is_elsewhere());
    let bucket = KvBucket::open_or_create(&careless, BucketConfig::new("wide")).await;
    assert_eq!(bucket.unwrap().differences(), [""; 0]);
    let narrow = BucketConfig::new("narrow");
    let narrow = KvBucket::open_or_create(&careless, narrow).await.unwrap();
    assert_eq!(narrow.info().await.unwrap().replicas, 1);
}

/// It says who leads the stream, as those of a cluster do. Events to it need not wait for one another.
#[tokio::test]
async fn a_server_alone_is_no_cluster() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&config(&server)).await.unwrap();
    let stream = EventStream::open_or_create(&client).await.unwrap();
    assert!(!stream.is_elsewhere());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_was_just_created_takes_values_through_each_server() {
    const ROUNDS: usize = 12;
    let cluster = NatsCluster::ephemeral(3).await;
    let mut clients = Vec::new();
    for number in 0..3 {
        clients.push(connect(&cluster, number, Some(3)).await);
    }
    for round in 0..ROUNDS {
        let name = format!("new{round}");
        let owner = &clients[round % 3];
        let created = KvBucket::open_or_create(owner, BucketConfig::new(&name)).await;
        created.unwrap().put_text("owner", "here").await.unwrap();
        for (number, client) in clients.iter().enumerate() {
            let bucket = in_time(KvBucket::open(client, &name)).await.unwrap();
            let key = format!("key{number}");
            in_time(bucket.put_text(&key, "there")).await.unwrap();
        }
    }
}
