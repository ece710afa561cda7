//! The ARM face and /api/v1: authentication, authorization, routes; serves the console.
