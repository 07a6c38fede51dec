//! Background tasks.

#[path = "../../examples/job.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use session_store::web::FieldsExt;
use session_store::{NewSession, Principal, SessionBackend};

use self::example::{Picture, Upload, estimate, finish, tell_all};
use crate::{MINUTE, backend};

#[tokio::test]
async fn they_change_sessions_that_live_and_keep_none_alive() {
    let (backend, clock) = backend();
    let ann = Principal::new("ann").unwrap();
    let new = || backend.create_session(NewSession::default().bind(ann.clone()));
    let (phone, _) = (new().await.unwrap().id, new().await.unwrap());
    let visitor = backend
        .create_session(NewSession::default())
        .await
        .unwrap()
        .id;
    let public_id = backend
        .peek_session(&phone)
        .await
        .unwrap()
        .unwrap()
        .public_id()
        .unwrap();
    let upload = || Upload {
        principal: ann.clone(),
        session: public_id,
        file: "cat.png".to_owned(),
    };

    clock.advance(20 * MINUTE);
    assert!(finish(&backend, upload()).await.unwrap());
    assert_eq!(tell_all(&backend, &ann, "Hello.").await.unwrap(), 2);
    let told = backend.peek_session(&phone).await.unwrap().unwrap();
    let (file, width) = ("cat.png".to_owned(), 1024);
    assert_eq!(
        told.get_as("picture").unwrap(),
        Some(Picture { file, width })
    );
    assert_eq!(told.get_as("pictures").unwrap(), Some(1));
    assert_eq!(
        told.get_as::<String>("notice").unwrap().as_deref(),
        Some("Hello.")
    );
    assert!(estimate(&backend, &visitor).await.unwrap());
    assert!(
        !estimate(&backend, &visitor).await.unwrap(),
        "the first one decides"
    );

    clock.advance(11 * MINUTE);
    assert!(
        !finish(&backend, upload()).await.unwrap(),
        "that was no use of the session"
    );
    assert_eq!(tell_all(&backend, &ann, "Hello.").await.unwrap(), 0);
}
