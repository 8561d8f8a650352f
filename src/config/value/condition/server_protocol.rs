//! The protocols by which cube asks a server whether it accepts clients.

use std::fmt;

/// A protocol whose first messages cube knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerProtocol {
    /// PostgreSQL's, version 3.
    Postgres,
    /// MySQL's and MariaDB's.
    Mysql,
    /// Redis's, also spoken by Valkey and others.
    Redis,
    /// AMQP 0-9-1, as RabbitMQ speaks it.
    Amqp,
}

impl ServerProtocol {
    /// All entries.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Mysql, Self::Redis, Self::Amqp];

    /// The word of the condition.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::Amqp => "amqp",
        }
    }

    /// Its default tcp port (registered with IANA).
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql => 3306,
            Self::Redis => 6379,
            Self::Amqp => 5672,
        }
    }

    /// The protocol whose default port this is, without TLS.
    #[must_use]
    pub fn of_port(port: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.default_port() == port)
    }
}

impl fmt::Display for ServerProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
