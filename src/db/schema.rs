//! The tables, as the migrations make them. A test compares the two.

diesel::table! {
    users (id) {
        id -> BigInt,
        username -> Text,
        first_name -> Text,
        email -> Text,
        password -> Nullable<Text>,
        is_active -> Bool,
        is_staff -> Bool,
        is_superuser -> Bool,
        is_staff_by_permission -> Bool,
        is_superuser_by_permission -> Bool,
        date_joined -> BigInt,
        last_login -> Nullable<BigInt>,
        synced_at -> Nullable<BigInt>,
        permissions_synced_at -> Nullable<BigInt>,
        imported_at -> Nullable<BigInt>,
        imported_as -> Nullable<Text>,
        erased_at -> Nullable<BigInt>,
        is_searchable -> Bool,
        confirmation_password -> Nullable<Text>,
        opens_apps_in_new_tab -> Bool,
    }
}

diesel::table! {
    user_terms (user_id, is_inner, term) {
        user_id -> BigInt,
        is_inner -> Bool,
        term -> Text,
    }
}

diesel::table! {
    user_field_changes (user_id, field) {
        user_id -> BigInt,
        field -> Text,
        changed_at -> BigInt,
        changed_by -> Text,
        changed_by_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    identities (provider, subject) {
        provider -> Text,
        subject -> Text,
        user_id -> BigInt,
        created_at -> BigInt,
        is_first -> Bool,
        sync_number -> BigInt,
        permissions_kept_since -> Nullable<BigInt>,
        refused_at -> Nullable<BigInt>,
        last_refused_at -> Nullable<BigInt>,
        asked_at -> Nullable<BigInt>,
        answered_at -> Nullable<BigInt>,
        unnamed_refusal_first_at -> Nullable<BigInt>,
        unnamed_refusal_last_at -> Nullable<BigInt>,
        unnamed_refusals -> BigInt,
        permissions_from -> Nullable<Text>,
        permissions_read_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    user_permissions (user_id, name, origin) {
        user_id -> BigInt,
        name -> Text,
        origin -> Text,
        label -> Text,
        granted_at -> BigInt,
        granted_by -> Text,
        granted_by_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (id) {
        id -> BigInt,
        token_hash -> Text,
        user_id -> BigInt,
        provider -> Text,
        attempt -> Nullable<Text>,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        address -> Text,
        user_agent -> Text,
        refresh_token -> Nullable<Text>,
        access_token -> Nullable<Text>,
        access_expires_at -> Nullable<BigInt>,
        id_token -> Nullable<Text>,
        sub -> Nullable<Text>,
        sid -> Nullable<Text>,
        confirmed_at -> Nullable<BigInt>,
        refused_at -> Nullable<BigInt>,
        recheck_at -> Nullable<BigInt>,
        proved_at -> Nullable<BigInt>,
        proved_by -> Nullable<Text>,
    }
}

diesel::table! {
    logout_tokens (provider, jti) {
        provider -> Text,
        jti -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    providers (id) {
        id -> Text,
        subject_pointer -> Text,
        first_used_at -> BigInt,
        refused_at -> Nullable<BigInt>,
        unnamed_suspended_until -> Nullable<BigInt>,
        unnamed_confirmed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    provider_instances (provider, instance) {
        provider -> Text,
        instance -> Text,
        noted_at -> BigInt,
    }
}

diesel::table! {
    logouts (id) {
        id -> BigInt,
        provider -> Text,
        sub -> Nullable<Text>,
        sid -> Nullable<Text>,
        issued_at -> BigInt,
        noted_at -> BigInt,
    }
}

diesel::table! {
    audit_events (id) {
        id -> BigInt,
        created_at -> BigInt,
        event -> Text,
        outcome -> Text,
        reason -> Text,
        actor -> Text,
        user_id -> Nullable<BigInt>,
        username -> Text,
        provider -> Text,
        address -> Text,
        user_agent -> Text,
        reference -> Text,
        details -> Text,
        actor_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    app_categories (id) {
        id -> BigInt,
        name_en -> Text,
        name_zh -> Text,
        position -> BigInt,
    }
}

diesel::table! {
    app_images (hash) {
        hash -> Text,
        content_type -> Text,
        content -> Text,
    }
}

diesel::table! {
    apps (id) {
        id -> BigInt,
        key -> Text,
        name_en -> Text,
        name_zh -> Text,
        description_en -> Text,
        description_zh -> Text,
        url -> Text,
        category_id -> Nullable<BigInt>,
        position -> BigInt,
        icon -> Text,
        image -> Nullable<Text>,
        tint -> BigInt,
        rule -> Text,
        is_hidden -> Bool,
        is_requestable -> Bool,
        keywords -> Text,
        note -> Text,
        changed_at -> BigInt,
        changed_by -> Text,
        changed_by_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    app_owners (app_id, user_id) {
        app_id -> BigInt,
        user_id -> BigInt,
    }
}

diesel::table! {
    app_stars (user_id, app_id) {
        user_id -> BigInt,
        app_id -> BigInt,
        starred_at -> BigInt,
    }
}

diesel::table! {
    access_requests (id) {
        id -> BigInt,
        app_id -> BigInt,
        app_key -> Text,
        user_id -> BigInt,
        created_at -> BigInt,
        sentence -> Text,
        wanted_days -> Nullable<BigInt>,
        state -> Text,
        closed_because -> Nullable<Text>,
        closed_at -> Nullable<BigInt>,
        decided_by -> Text,
        decided_by_id -> Nullable<BigInt>,
        answer -> Text,
        granted_until -> Nullable<BigInt>,
        reminded_at -> Nullable<BigInt>,
        seen_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    app_grants (id) {
        id -> BigInt,
        app_id -> BigInt,
        user_id -> BigInt,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        granted_by -> Text,
        granted_by_id -> Nullable<BigInt>,
        request_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    webhook_events (id) {
        id -> BigInt,
        created_at -> BigInt,
        kind -> Text,
        user_id -> Nullable<BigInt>,
        data -> Text,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> BigInt,
        hook -> Text,
        created_at -> BigInt,
        kind -> Text,
        user_id -> Nullable<BigInt>,
        data -> Text,
        server_errors -> BigInt,
    }
}

diesel::table! {
    webhook_hooks (hook) {
        hook -> Text,
        lease_holder -> Nullable<Text>,
        lease_until -> BigInt,
        lease_number -> BigInt,
        paused_until -> BigInt,
        failures -> BigInt,
        failing_since -> Nullable<BigInt>,
        failing_told_at -> Nullable<BigInt>,
        last_success_at -> Nullable<BigInt>,
        trouble -> Nullable<Text>,
        trouble_detail -> Nullable<Text>,
        trouble_at -> Nullable<BigInt>,
        alone_until -> BigInt,
        refused -> BigInt,
        refused_at -> Nullable<BigInt>,
        refused_trouble -> Nullable<Text>,
        refused_detail -> Nullable<Text>,
        given_up -> BigInt,
        given_up_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    webhook_addresses (mark) {
        mark -> Text,
        next_at -> BigInt,
    }
}

diesel::table! {
    webhook_watches (name) {
        name -> Text,
        holder -> Text,
        since -> BigInt,
        noted_at -> BigInt,
    }
}

diesel::joinable!(identities -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(app_owners -> users (user_id));
diesel::joinable!(access_requests -> users (user_id));
diesel::joinable!(app_grants -> users (user_id));
diesel::joinable!(app_grants -> apps (app_id));
diesel::allow_tables_to_appear_in_same_query!(
    users,
    user_terms,
    user_field_changes,
    identities,
    user_permissions,
    sessions,
    logout_tokens,
    providers,
    provider_instances,
    logouts,
    audit_events,
    app_categories,
    app_images,
    apps,
    app_owners,
    app_stars,
    access_requests,
    app_grants,
    webhook_events,
    webhook_deliveries,
    webhook_hooks,
    webhook_addresses,
    webhook_watches
);
